-- The API Manager 4.5 tables that the checks read, identity tables included.
CREATE SEQUENCE idn_oauth_consumer_apps_pk_seq;
CREATE SEQUENCE sp_app_seq;
CREATE SEQUENCE idp_seq;
CREATE SEQUENCE am_alert_types_seq;
CREATE SEQUENCE am_subscriber_sequence;
CREATE SEQUENCE am_scope_pk_seq;
CREATE SEQUENCE am_api_sequence;

CREATE TABLE idn_base_table (
    product_name varchar(20) NOT NULL,
    PRIMARY KEY (product_name)
);
CREATE TABLE idn_oauth_consumer_apps (
    id integer DEFAULT nextval('idn_oauth_consumer_apps_pk_seq') NOT NULL,
    consumer_key varchar(255),
    consumer_secret varchar(2048),
    username varchar(255),
    tenant_id integer DEFAULT 0,
    user_domain varchar(50),
    app_name varchar(255),
    oauth_version varchar(128),
    callback_url varchar(2048),
    grant_types varchar(1024),
    pkce_mandatory character(1) DEFAULT '0'::bpchar,
    pkce_support_plain character(1) DEFAULT '0'::bpchar,
    app_state varchar(25) DEFAULT 'ACTIVE',
    user_access_token_expire_time bigint DEFAULT 3600,
    app_access_token_expire_time bigint DEFAULT 3600,
    refresh_token_expire_time bigint DEFAULT 84600,
    id_token_expire_time bigint DEFAULT 3600,
    PRIMARY KEY (id),
    UNIQUE (consumer_key)
);
CREATE TABLE sp_app (
    id integer DEFAULT nextval('sp_app_seq') NOT NULL,
    tenant_id integer NOT NULL,
    app_name varchar(255) NOT NULL,
    user_store varchar(255) NOT NULL,
    username varchar(255) NOT NULL,
    description varchar(1024),
    role_claim varchar(512),
    auth_type varchar(255) NOT NULL,
    provisioning_userstore_domain varchar(512),
    is_local_claim_dialect character(1) DEFAULT '1'::bpchar,
    is_send_local_subject_id character(1) DEFAULT '0'::bpchar,
    is_send_auth_list_of_idps character(1) DEFAULT '0'::bpchar,
    is_use_tenant_domain_subject character(1) DEFAULT '1'::bpchar,
    is_use_user_domain_subject character(1) DEFAULT '1'::bpchar,
    enable_authorization character(1) DEFAULT '0'::bpchar,
    subject_claim_uri varchar(512),
    is_saas_app character(1) DEFAULT '0'::bpchar,
    is_dumb_mode character(1) DEFAULT '0'::bpchar,
    uuid character(36),
    image_url varchar(1024),
    access_url varchar(1024),
    is_discoverable character(1) DEFAULT '0'::bpchar,
    PRIMARY KEY (id),
    UNIQUE (app_name, tenant_id),
    UNIQUE (uuid)
);
CREATE TABLE idp (
    id integer DEFAULT nextval('idp_seq') NOT NULL,
    tenant_id integer,
    name varchar(254) NOT NULL,
    is_enabled character(1) DEFAULT '1'::bpchar NOT NULL,
    is_primary character(1) DEFAULT '0'::bpchar NOT NULL,
    home_realm_id varchar(254),
    image bytea,
    certificate bytea,
    alias varchar(254),
    inbound_prov_enabled character(1) DEFAULT '0'::bpchar NOT NULL,
    inbound_prov_user_store_id varchar(254),
    user_claim_uri varchar(254),
    role_claim_uri varchar(254),
    description varchar(1024),
    default_authenticator_name varchar(254),
    default_pro_connector_name varchar(254),
    provisioning_role varchar(128),
    is_federation_hub character(1) DEFAULT '0'::bpchar NOT NULL,
    is_local_claim_dialect character(1) DEFAULT '0'::bpchar NOT NULL,
    display_name varchar(255),
    image_url varchar(1024),
    uuid character(36) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, name),
    UNIQUE (uuid)
);
CREATE TABLE am_alert_types (
    alert_type_id integer DEFAULT nextval('am_alert_types_seq') NOT NULL,
    alert_type_name varchar(255) NOT NULL,
    stake_holder varchar(100) NOT NULL,
    PRIMARY KEY (alert_type_id)
);
CREATE TABLE am_subscriber (
    subscriber_id integer DEFAULT nextval('am_subscriber_sequence') NOT NULL,
    user_id varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    email_address varchar(256),
    date_subscribed timestamp NOT NULL,
    created_by varchar(100),
    created_time timestamp,
    updated_by varchar(100),
    updated_time timestamp,
    PRIMARY KEY (subscriber_id),
    UNIQUE (tenant_id, user_id)
);
CREATE TABLE am_scope (
    scope_id integer DEFAULT nextval('am_scope_pk_seq') NOT NULL,
    name varchar(255) NOT NULL,
    display_name varchar(255) NOT NULL,
    description varchar(512),
    tenant_id integer DEFAULT '-1' NOT NULL,
    scope_type varchar(255) NOT NULL,
    PRIMARY KEY (scope_id)
);
CREATE TABLE am_api (
    api_id integer DEFAULT nextval('am_api_sequence') NOT NULL,
    api_uuid varchar(256),
    api_provider varchar(256),
    api_name varchar(256),
    api_version varchar(30),
    context varchar(256),
    context_template varchar(256),
    api_tier varchar(256),
    api_type varchar(10),
    api_subtype varchar(10),
    organization varchar(100),
    gateway_vendor varchar(100) DEFAULT 'wso2',
    created_by varchar(100),
    created_time timestamp,
    updated_by varchar(100),
    updated_time timestamp,
    status varchar(30),
    version_comparable varchar(15),
    log_level varchar(255) DEFAULT 'OFF',
    is_egress integer DEFAULT 0,
    revisions_created integer DEFAULT 0,
    sub_validation varchar(10) DEFAULT 'ENABLED',
    PRIMARY KEY (api_id),
    UNIQUE (api_provider, api_name, api_version, organization),
    UNIQUE (api_uuid)
);
CREATE TABLE am_revision (
    id integer NOT NULL,
    api_uuid varchar(256) NOT NULL,
    revision_uuid varchar(255) NOT NULL,
    description varchar(255),
    created_time timestamp DEFAULT CURRENT_TIMESTAMP,
    created_by varchar(255),
    PRIMARY KEY (id, api_uuid),
    UNIQUE (revision_uuid)
);

ALTER TABLE am_revision ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
