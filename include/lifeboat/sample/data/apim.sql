-- apim_db: API management (AM_*), identity (IDN_*, SP_*, IDP*), consent (CM_*).
-- Tables, columns, keys and sequences as WSO2 API Manager 4.5 (Apache License 2.0) makes them in PostgreSQL.
-- Sequences are not owned by their columns, as in the product; a few columns are SERIAL.

CREATE SEQUENCE am_alert_emaillist_seq;
CREATE SEQUENCE am_alert_types_seq;
CREATE SEQUENCE am_api_default_version_pk_seq;
CREATE SEQUENCE am_api_lc_event_sequence;
CREATE SEQUENCE am_api_lc_publish_events_pk_seq;
CREATE SEQUENCE am_api_primary_ep_mapping_sequence;
CREATE SEQUENCE am_api_product_mapping_sequence;
CREATE SEQUENCE am_api_sequence;
CREATE SEQUENCE am_api_system_apps_sequence;
CREATE SEQUENCE am_api_throttle_policy_seq;
CREATE SEQUENCE am_api_url_mapping_sequence;
CREATE SEQUENCE am_application_registration_sequence;
CREATE SEQUENCE am_application_sequence;
CREATE SEQUENCE am_block_conditions_seq;
CREATE SEQUENCE am_condition_group_seq;
CREATE SEQUENCE am_external_stores_sequence;
CREATE SEQUENCE am_gateway_environment_pk_seq;
CREATE SEQUENCE am_header_field_condition_seq;
CREATE SEQUENCE am_ip_condition_seq;
CREATE SEQUENCE am_jwt_claim_condition_seq;
CREATE SEQUENCE am_llm_provider_model_seq;
CREATE SEQUENCE am_policy_application_seq;
CREATE SEQUENCE am_policy_global_seq;
CREATE SEQUENCE am_policy_hard_throttling_seq;
CREATE SEQUENCE am_policy_subscription_seq;
CREATE SEQUENCE am_query_parameter_condition_seq;
CREATE SEQUENCE am_scope_pk_seq;
CREATE SEQUENCE am_subscriber_sequence;
CREATE SEQUENCE am_subscription_sequence;
CREATE SEQUENCE am_throttle_tier_permissions_seq;
CREATE SEQUENCE am_tier_permissions_sequence;
CREATE SEQUENCE am_webhooks_pk_seq;
CREATE SEQUENCE am_workflows_sequence;
CREATE SEQUENCE cm_consent_receipt_property_pk_seq;
CREATE SEQUENCE cm_pii_category_pk_seq;
CREATE SEQUENCE cm_purpose_category_pk_seq;
CREATE SEQUENCE cm_purpose_pii_cat_assoc_pk_seq;
CREATE SEQUENCE cm_purpose_pk_seq;
CREATE SEQUENCE cm_receipt_sp_assoc_pk_seq;
CREATE SEQUENCE cm_sp_purpose_assoc_pk_seq;
CREATE SEQUENCE cm_sp_purpose_pii_cat_assoc_pk_seq;
CREATE SEQUENCE cm_sp_purpose_purpose_cat_assc_pk_seq;
CREATE SEQUENCE idn_associated_id_seq;
CREATE SEQUENCE idn_auth_user_session_mapping_pk_seq;
CREATE SEQUENCE idn_auth_wait_status_seq;
CREATE SEQUENCE idn_certificate_pk_seq;
CREATE SEQUENCE idn_claim_dialect_seq;
CREATE SEQUENCE idn_claim_mapped_attribute_seq;
CREATE SEQUENCE idn_claim_mapping_seq;
CREATE SEQUENCE idn_claim_property_seq;
CREATE SEQUENCE idn_claim_seq;
CREATE SEQUENCE idn_cors_origin_pk_seq;
CREATE SEQUENCE idn_oauth2_access_token_audit_pk_seq;
CREATE SEQUENCE idn_oauth2_ciba_request_scopes_pk_seq;
CREATE SEQUENCE idn_oauth2_scope_binding_pk_seq;
CREATE SEQUENCE idn_oauth2_scope_pk_seq;
CREATE SEQUENCE idn_oauth2_user_consent_pk_seq;
CREATE SEQUENCE idn_oauth2_user_consented_scopes_pk_seq;
CREATE SEQUENCE idn_oauth_consumer_apps_pk_seq;
CREATE SEQUENCE idn_oidc_property_seq;
CREATE SEQUENCE idn_oidc_req_object_claim_values_seq;
CREATE SEQUENCE idn_oidc_req_object_claims_seq;
CREATE SEQUENCE idn_oidc_request_object_ref_seq;
CREATE SEQUENCE idn_oidc_scope_claim_mapping_pk_seq;
CREATE SEQUENCE idn_password_history_data_pk_seq;
CREATE SEQUENCE idn_saml2_artifact_store_seq;
CREATE SEQUENCE idn_saml2_assertion_store_seq;
CREATE SEQUENCE idn_scim_group_pk_seq;
CREATE SEQUENCE idn_sts_store_pk_seq;
CREATE SEQUENCE idn_uma_permission_ticket_seq;
CREATE SEQUENCE idn_uma_pt_resource_scope_seq;
CREATE SEQUENCE idn_uma_pt_resource_seq;
CREATE SEQUENCE idn_uma_resource_meta_data_seq;
CREATE SEQUENCE idn_uma_resource_scope_seq;
CREATE SEQUENCE idn_uma_resource_seq;
CREATE SEQUENCE idp_authenticator_prop_seq;
CREATE SEQUENCE idp_authenticator_seq;
CREATE SEQUENCE idp_claim_mapping_seq;
CREATE SEQUENCE idp_claim_seq;
CREATE SEQUENCE idp_local_claim_seq;
CREATE SEQUENCE idp_metadata_seq;
CREATE SEQUENCE idp_prov_config_prop_seq;
CREATE SEQUENCE idp_prov_config_seq;
CREATE SEQUENCE idp_prov_entity_seq;
CREATE SEQUENCE idp_role_mapping_seq;
CREATE SEQUENCE idp_role_seq;
CREATE SEQUENCE idp_seq;
CREATE SEQUENCE sp_app_seq;
CREATE SEQUENCE sp_auth_script_seq;
CREATE SEQUENCE sp_auth_step_seq;
CREATE SEQUENCE sp_claim_dialect_seq;
CREATE SEQUENCE sp_claim_mapping_seq;
CREATE SEQUENCE sp_inbound_auth_seq;
CREATE SEQUENCE sp_metadata_seq;
CREATE SEQUENCE sp_prov_connector_seq;
CREATE SEQUENCE sp_req_path_auth_seq;
CREATE SEQUENCE sp_role_mapping_seq;
CREATE SEQUENCE sp_shared_app_pk_seq;
CREATE SEQUENCE sp_template_seq;
CREATE SEQUENCE wf_workflow_association_pk_seq;

CREATE TABLE am_alert_emaillist (
    email_list_id integer DEFAULT nextval('am_alert_emaillist_seq') NOT NULL,
    user_name varchar(255) NOT NULL,
    stake_holder varchar(100) NOT NULL,
    PRIMARY KEY (email_list_id),
    UNIQUE (email_list_id, user_name, stake_holder)
);

CREATE TABLE am_alert_emaillist_details (
    email_list_id integer NOT NULL,
    email varchar(255) NOT NULL,
    PRIMARY KEY (email_list_id, email)
);

CREATE TABLE am_alert_types (
    alert_type_id integer DEFAULT nextval('am_alert_types_seq') NOT NULL,
    alert_type_name varchar(255) NOT NULL,
    stake_holder varchar(100) NOT NULL,
    PRIMARY KEY (alert_type_id)
);

CREATE TABLE am_alert_types_values (
    alert_type_id integer NOT NULL,
    user_name varchar(255) NOT NULL,
    stake_holder varchar(100) NOT NULL,
    PRIMARY KEY (alert_type_id, user_name, stake_holder)
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
    gateway_vendor varchar(100) DEFAULT 'wso2'::character varying,
    created_by varchar(100),
    created_time timestamp,
    updated_by varchar(100),
    updated_time timestamp,
    status varchar(30),
    version_comparable varchar(15),
    log_level varchar(255) DEFAULT 'OFF'::character varying,
    is_egress integer DEFAULT 0,
    revisions_created integer DEFAULT 0,
    sub_validation varchar(10) DEFAULT 'ENABLED'::character varying,
    PRIMARY KEY (api_id),
    UNIQUE (api_provider, api_name, api_version, organization),
    UNIQUE (api_uuid)
);

CREATE TABLE am_api_ai_configuration (
    ai_configuration_uuid varchar(255) NOT NULL,
    api_uuid varchar(256) NOT NULL,
    api_revision_uuid varchar(255),
    llm_provider_uuid varchar(255) NOT NULL,
    PRIMARY KEY (ai_configuration_uuid)
);

CREATE TABLE am_api_categories (
    uuid varchar(50) NOT NULL,
    name varchar(255),
    description varchar(1024),
    organization varchar(100),
    PRIMARY KEY (uuid),
    UNIQUE (name, organization)
);

CREATE TABLE am_api_client_certificate (
    tenant_id integer NOT NULL,
    alias varchar(45) NOT NULL,
    api_id integer NOT NULL,
    certificate bytea NOT NULL,
    removed boolean DEFAULT false NOT NULL,
    tier_name varchar(512),
    key_type varchar(20) DEFAULT 'PRODUCTION'::character varying NOT NULL,
    revision_uuid varchar(255) DEFAULT 'Current API'::character varying NOT NULL,
    PRIMARY KEY (alias, tenant_id, key_type, removed, revision_uuid)
);

CREATE TABLE am_api_comments (
    comment_id varchar(64) NOT NULL,
    comment_text varchar(512),
    created_by varchar(255),
    created_time timestamp NOT NULL,
    updated_time timestamp,
    api_id integer,
    parent_comment_id varchar(64) DEFAULT NULL::character varying,
    entry_point varchar(20),
    category varchar(20) DEFAULT 'general'::character varying,
    PRIMARY KEY (comment_id)
);

CREATE TABLE am_api_default_version (
    default_version_id integer DEFAULT nextval('am_api_default_version_pk_seq') NOT NULL,
    api_name varchar(256) NOT NULL,
    api_provider varchar(256) NOT NULL,
    default_api_version varchar(30),
    published_default_api_version varchar(30),
    organization varchar(100),
    PRIMARY KEY (default_version_id)
);

CREATE TABLE am_api_endpoints (
    api_uuid varchar(256) NOT NULL,
    endpoint_uuid varchar(256) NOT NULL,
    revision_uuid varchar(255) DEFAULT 'Current API'::character varying NOT NULL,
    endpoint_name varchar(255) NOT NULL,
    key_type varchar(100),
    endpoint_config bytea NOT NULL,
    organization varchar(100) NOT NULL,
    PRIMARY KEY (api_uuid, endpoint_uuid, endpoint_name, revision_uuid, organization)
);

CREATE TABLE am_api_environment_keys (
    uuid varchar(45) NOT NULL,
    environment_id varchar(45) NOT NULL,
    api_uuid varchar(256) NOT NULL,
    property_config bytea,
    PRIMARY KEY (uuid),
    UNIQUE (environment_id, api_uuid)
);

CREATE TABLE am_api_external_api_mapping (
    api_id varchar(255) NOT NULL,
    gateway_env_id varchar(255) NOT NULL,
    reference_artifact bytea NOT NULL,
    PRIMARY KEY (api_id, gateway_env_id)
);

CREATE TABLE am_api_label_mapping (
    api_uuid varchar(256) NOT NULL,
    label_uuid varchar(50) NOT NULL,
    PRIMARY KEY (api_uuid, label_uuid)
);

CREATE TABLE am_api_lc_event (
    event_id integer DEFAULT nextval('am_api_lc_event_sequence') NOT NULL,
    api_id integer NOT NULL,
    previous_state varchar(50),
    new_state varchar(50) NOT NULL,
    user_id varchar(50) NOT NULL,
    tenant_id integer NOT NULL,
    event_date timestamp NOT NULL,
    PRIMARY KEY (event_id)
);

CREATE TABLE am_api_lc_publish_events (
    id integer DEFAULT nextval('am_api_lc_publish_events_pk_seq') NOT NULL,
    tenant_domain varchar(500) NOT NULL,
    api_id varchar(500) NOT NULL,
    event_time timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE am_api_operation_policy (
    api_specific_policy_id serial,
    policy_uuid varchar(45) NOT NULL,
    api_uuid varchar(45) NOT NULL,
    revision_uuid varchar(45),
    cloned_policy_uuid varchar(45),
    PRIMARY KEY (api_specific_policy_id)
);

CREATE TABLE am_api_operation_policy_mapping (
    operation_policy_mapping_id serial,
    url_mapping_id integer NOT NULL,
    policy_uuid varchar(45) NOT NULL,
    policy_order integer NOT NULL,
    direction varchar(10) NOT NULL,
    parameters varchar(2048) NOT NULL,
    PRIMARY KEY (operation_policy_mapping_id)
);

CREATE TABLE am_api_policy_mapping (
    api_policy_mapping_id serial,
    api_uuid varchar(256) NOT NULL,
    revision_uuid varchar(45),
    policy_uuid varchar(45) NOT NULL,
    policy_order integer NOT NULL,
    direction varchar(10) NOT NULL,
    parameters varchar(2048) NOT NULL,
    PRIMARY KEY (api_policy_mapping_id)
);

CREATE TABLE am_api_primary_ep_mapping (
    mapping_id integer DEFAULT nextval('am_api_primary_ep_mapping_sequence') NOT NULL,
    api_uuid varchar(256) NOT NULL,
    endpoint_uuid varchar(256) NOT NULL,
    PRIMARY KEY (mapping_id)
);

CREATE TABLE am_api_product_mapping (
    api_product_mapping_id integer DEFAULT nextval('am_api_product_mapping_sequence') NOT NULL,
    api_id integer,
    url_mapping_id integer,
    revision_uuid varchar(255),
    PRIMARY KEY (api_product_mapping_id)
);

CREATE TABLE am_api_ratings (
    rating_id varchar(255) NOT NULL,
    api_id integer,
    rating integer,
    subscriber_id integer,
    PRIMARY KEY (rating_id)
);

CREATE TABLE am_api_resource_scope_mapping (
    scope_name varchar(256) NOT NULL,
    url_mapping_id integer NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (scope_name, url_mapping_id)
);

CREATE TABLE am_api_revision_metadata (
    api_uuid varchar(64),
    revision_uuid varchar(255),
    api_tier varchar(128),
    UNIQUE (api_uuid, revision_uuid)
);

CREATE TABLE am_api_sequence_backend (
    id varchar(60) NOT NULL,
    api_uuid varchar(256) NOT NULL,
    revision_uuid varchar(256) DEFAULT '0'::character varying NOT NULL,
    sequence bytea NOT NULL,
    name varchar(256) NOT NULL,
    type varchar(120) NOT NULL,
    PRIMARY KEY (id, api_uuid, revision_uuid, type)
);

CREATE TABLE am_api_service_mapping (
    api_id integer NOT NULL,
    service_key varchar(256) NOT NULL,
    md5 varchar(512),
    tenant_id integer NOT NULL,
    PRIMARY KEY (api_id, service_key)
);

CREATE TABLE am_api_throttle_policy (
    policy_id integer DEFAULT nextval('am_api_throttle_policy_seq') NOT NULL,
    name varchar(512) NOT NULL,
    display_name varchar(512) DEFAULT NULL::character varying,
    tenant_id integer NOT NULL,
    description varchar(1024),
    default_quota_type varchar(25) NOT NULL,
    default_quota integer NOT NULL,
    default_quota_unit varchar(10),
    default_unit_time integer NOT NULL,
    default_time_unit varchar(25) NOT NULL,
    applicable_level varchar(25) NOT NULL,
    is_deployed boolean DEFAULT false NOT NULL,
    uuid varchar(256),
    PRIMARY KEY (policy_id),
    UNIQUE (name, tenant_id),
    UNIQUE (uuid)
);

CREATE TABLE am_api_url_mapping (
    url_mapping_id integer DEFAULT nextval('am_api_url_mapping_sequence') NOT NULL,
    api_id integer NOT NULL,
    http_method varchar(20),
    auth_scheme varchar(50),
    url_pattern varchar(512),
    throttling_tier varchar(512) DEFAULT NULL::character varying,
    mediation_script bytea,
    revision_uuid varchar(255),
    log_level varchar(255) DEFAULT 'OFF'::character varying,
    PRIMARY KEY (url_mapping_id)
);

CREATE TABLE am_app_key_domain_mapping (
    consumer_key varchar(255) NOT NULL,
    authz_domain varchar(255) DEFAULT 'ALL'::character varying NOT NULL,
    PRIMARY KEY (consumer_key, authz_domain)
);

CREATE TABLE am_app_revoked_event (
    consumer_key varchar(255) NOT NULL,
    time_revoked timestamp NOT NULL,
    organization varchar(100) NOT NULL,
    PRIMARY KEY (consumer_key, organization)
);

CREATE TABLE am_application (
    application_id integer DEFAULT nextval('am_application_sequence') NOT NULL,
    name varchar(100),
    subscriber_id integer,
    application_tier varchar(50) DEFAULT 'Unlimited'::character varying,
    callback_url varchar(512),
    description varchar(512),
    application_status varchar(50) DEFAULT 'APPROVED'::character varying,
    group_id varchar(100),
    created_by varchar(100),
    created_time timestamp,
    updated_by varchar(100),
    updated_time timestamp,
    uuid varchar(256),
    token_type varchar(10),
    organization varchar(100),
    shared_organization varchar(100),
    PRIMARY KEY (application_id),
    UNIQUE (name, subscriber_id, organization),
    UNIQUE (uuid)
);

CREATE TABLE am_application_attributes (
    application_id integer NOT NULL,
    name varchar(255) NOT NULL,
    app_attribute varchar(1024) NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (application_id, name)
);

CREATE TABLE am_application_group_mapping (
    application_id integer NOT NULL,
    group_id varchar(512) NOT NULL,
    tenant varchar(255) NOT NULL,
    PRIMARY KEY (application_id, group_id, tenant)
);

CREATE TABLE am_application_key_mapping (
    uuid varchar(100),
    application_id integer NOT NULL,
    consumer_key varchar(512),
    key_type varchar(512) NOT NULL,
    state varchar(30),
    create_mode varchar(30) DEFAULT 'CREATED'::character varying,
    app_info bytea,
    key_manager varchar(100) NOT NULL,
    PRIMARY KEY (application_id, key_type, key_manager)
);

CREATE TABLE am_application_registration (
    reg_id integer DEFAULT nextval('am_application_registration_sequence') NOT NULL,
    subscriber_id integer,
    wf_ref varchar(255) NOT NULL,
    app_id integer,
    token_type varchar(30),
    token_scope varchar(1500) DEFAULT 'default'::character varying,
    inputs varchar(1000),
    allowed_domains varchar(256),
    validity_period bigint,
    key_manager varchar(255) NOT NULL,
    PRIMARY KEY (reg_id),
    UNIQUE (subscriber_id, app_id, token_type, key_manager)
);

CREATE TABLE am_artifact (
    uuid varchar(45) NOT NULL,
    artifact bytea NOT NULL,
    type varchar(25) NOT NULL,
    PRIMARY KEY (uuid)
);

CREATE TABLE am_block_conditions (
    condition_id integer DEFAULT nextval('am_block_conditions_seq') NOT NULL,
    type varchar(45) DEFAULT NULL::character varying,
    block_condition varchar(512) DEFAULT NULL::character varying,
    enabled varchar(45) DEFAULT NULL::character varying,
    domain varchar(45) DEFAULT NULL::character varying,
    uuid varchar(256),
    PRIMARY KEY (condition_id),
    UNIQUE (uuid)
);

CREATE TABLE am_certificate_metadata (
    tenant_id integer NOT NULL,
    alias varchar(255) NOT NULL,
    end_point varchar(255) NOT NULL,
    certificate bytea,
    PRIMARY KEY (alias)
);

CREATE TABLE am_common_operation_policy (
    common_policy_id serial,
    policy_uuid varchar(45) NOT NULL,
    PRIMARY KEY (common_policy_id)
);

CREATE TABLE am_condition_group (
    condition_group_id integer DEFAULT nextval('am_condition_group_seq') NOT NULL,
    policy_id integer NOT NULL,
    quota_type varchar(25),
    quota integer NOT NULL,
    quota_unit varchar(10) DEFAULT NULL::character varying,
    unit_time integer NOT NULL,
    time_unit varchar(25) NOT NULL,
    description varchar(1024) DEFAULT NULL::character varying,
    PRIMARY KEY (condition_group_id)
);

CREATE TABLE am_correlation_configs (
    component_name varchar(45) NOT NULL,
    enabled varchar(45) NOT NULL,
    PRIMARY KEY (component_name)
);

CREATE TABLE am_correlation_properties (
    property_name varchar(45) NOT NULL,
    component_name varchar(45) NOT NULL,
    property_value varchar(1023) NOT NULL,
    PRIMARY KEY (property_name, component_name)
);

CREATE TABLE am_deployed_revision (
    name varchar(255) NOT NULL,
    vhost varchar(255),
    revision_uuid varchar(255) NOT NULL,
    deployed_time timestamp DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (name, revision_uuid)
);

CREATE TABLE am_deployment_revision_mapping (
    name varchar(255) NOT NULL,
    vhost varchar(255),
    revision_uuid varchar(255) NOT NULL,
    revision_status varchar(255),
    display_on_devportal boolean DEFAULT false,
    deployed_time timestamp DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (name, revision_uuid)
);

CREATE TABLE am_devportal_api_content (
    api_uuid varchar(256) NOT NULL,
    organization varchar(100) NOT NULL,
    drafted_artifact varchar(45),
    published_artifact varchar(45),
    PRIMARY KEY (api_uuid, organization)
);

CREATE TABLE am_devportal_api_reference (
    api_uuid varchar(256) NOT NULL,
    organization varchar(100) NOT NULL,
    reference_apiid varchar(256) NOT NULL,
    PRIMARY KEY (api_uuid, organization)
);

CREATE TABLE am_devportal_org_content (
    organization varchar(100) NOT NULL,
    drafted_artifact varchar(45),
    published_artifact varchar(45),
    PRIMARY KEY (organization)
);

CREATE TABLE am_external_stores (
    apistore_id integer DEFAULT nextval('am_external_stores_sequence') NOT NULL,
    api_id integer,
    store_id varchar(255) NOT NULL,
    store_display_name varchar(255) NOT NULL,
    store_endpoint varchar(255) NOT NULL,
    store_type varchar(255) NOT NULL,
    last_updated_time timestamp,
    PRIMARY KEY (apistore_id)
);

CREATE TABLE am_gateway_environment (
    id integer DEFAULT nextval('am_gateway_environment_pk_seq') NOT NULL,
    uuid varchar(45) NOT NULL,
    name varchar(255) NOT NULL,
    type varchar(255),
    display_name varchar(255),
    description varchar(1023),
    provider varchar(255) NOT NULL,
    gateway_type varchar(255) NOT NULL,
    configuration bytea,
    organization varchar(255) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name, organization),
    UNIQUE (uuid)
);

CREATE TABLE am_gateway_permissions (
    gateway_uuid varchar(45) NOT NULL,
    permissions_type varchar(50) NOT NULL,
    role varchar(255) NOT NULL,
    PRIMARY KEY (gateway_uuid, role)
);

CREATE TABLE am_gateway_policy_deployment (
    gateway_label varchar(255) NOT NULL,
    global_policy_mapping_uuid varchar(45) NOT NULL,
    organization varchar(100) NOT NULL,
    PRIMARY KEY (organization, gateway_label)
);

CREATE TABLE am_gateway_policy_mapping (
    policy_to_flow_info_mapping_id serial,
    global_policy_mapping_uuid varchar(45) NOT NULL,
    policy_uuid varchar(45) NOT NULL,
    policy_order integer NOT NULL,
    direction varchar(10) NOT NULL,
    parameters varchar(2048) NOT NULL,
    PRIMARY KEY (policy_to_flow_info_mapping_id)
);

CREATE TABLE am_gateway_policy_metadata (
    global_policy_mapping_uuid varchar(45) NOT NULL,
    display_name varchar(255),
    description varchar(1023),
    organization varchar(100) NOT NULL,
    PRIMARY KEY (global_policy_mapping_uuid)
);

CREATE TABLE am_graphql_complexity (
    uuid varchar(256) NOT NULL,
    api_id integer NOT NULL,
    type varchar(256),
    field varchar(256),
    complexity_value integer,
    revision_uuid varchar(255),
    PRIMARY KEY (uuid)
);

CREATE TABLE am_gw_api_artifacts (
    api_id varchar(255) NOT NULL,
    revision_id varchar(255) NOT NULL,
    artifact bytea,
    time_stamp timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    PRIMARY KEY (revision_id, api_id)
);

CREATE TABLE am_gw_api_deployments (
    api_id varchar(255) NOT NULL,
    revision_id varchar(255) NOT NULL,
    label varchar(255) NOT NULL,
    vhost varchar(255),
    PRIMARY KEY (revision_id, api_id, label)
);

CREATE TABLE am_gw_published_api_details (
    api_id varchar(255) NOT NULL,
    tenant_domain varchar(255),
    api_provider varchar(255),
    api_name varchar(255),
    api_version varchar(255),
    api_type varchar(50),
    PRIMARY KEY (api_id)
);

CREATE TABLE am_gw_vhost (
    gateway_env_id integer NOT NULL,
    host varchar(255) NOT NULL,
    http_context varchar(255),
    http_port varchar(5) NOT NULL,
    https_port varchar(5) NOT NULL,
    ws_port varchar(5) NOT NULL,
    wss_port varchar(5) NOT NULL,
    PRIMARY KEY (gateway_env_id, host)
);

CREATE TABLE am_header_field_condition (
    header_field_id integer DEFAULT nextval('am_header_field_condition_seq') NOT NULL,
    condition_group_id integer NOT NULL,
    header_field_name varchar(255) DEFAULT NULL::character varying,
    header_field_value varchar(255) DEFAULT NULL::character varying,
    is_header_field_mapping boolean DEFAULT true,
    PRIMARY KEY (header_field_id)
);

CREATE TABLE am_ip_condition (
    am_ip_condition_id integer DEFAULT nextval('am_ip_condition_seq') NOT NULL,
    starting_ip varchar(45),
    ending_ip varchar(45),
    specific_ip varchar(45),
    within_ip_range boolean DEFAULT true,
    condition_group_id integer,
    PRIMARY KEY (am_ip_condition_id)
);

CREATE TABLE am_jwt_claim_condition (
    jwt_claim_id integer DEFAULT nextval('am_jwt_claim_condition_seq') NOT NULL,
    condition_group_id integer NOT NULL,
    claim_uri varchar(512) DEFAULT NULL::character varying,
    claim_attrib varchar(1024) DEFAULT NULL::character varying,
    is_claim_mapping boolean DEFAULT true,
    PRIMARY KEY (jwt_claim_id)
);

CREATE TABLE am_key_manager (
    uuid varchar(50) NOT NULL,
    name varchar(100),
    display_name varchar(100),
    description varchar(256),
    type varchar(45),
    configuration bytea,
    enabled boolean DEFAULT true,
    organization varchar(100),
    token_type varchar(45),
    external_reference_id varchar(100),
    PRIMARY KEY (uuid),
    UNIQUE (name, organization)
);

CREATE TABLE am_key_manager_allowed_orgs (
    key_manager_uuid varchar(50) NOT NULL,
    allowed_organizations varchar(50) NOT NULL,
    PRIMARY KEY (key_manager_uuid, allowed_organizations)
);

CREATE TABLE am_key_manager_permissions (
    key_manager_uuid varchar(50) NOT NULL,
    permissions_type varchar(50) NOT NULL,
    role varchar(255) NOT NULL,
    PRIMARY KEY (key_manager_uuid, role)
);

CREATE TABLE am_label (
    uuid varchar(50) NOT NULL,
    name varchar(255) NOT NULL,
    description varchar(1024),
    tenant_domain varchar(255) DEFAULT 'carbon.super'::character varying,
    PRIMARY KEY (uuid),
    UNIQUE (name, tenant_domain)
);

CREATE TABLE am_llm_provider (
    uuid varchar(255) NOT NULL,
    name varchar(255) NOT NULL,
    api_version varchar(50) NOT NULL,
    organization varchar(255) NOT NULL,
    built_in_support varchar(5) NOT NULL,
    description varchar(1023),
    configurations bytea NOT NULL,
    api_definition bytea NOT NULL,
    PRIMARY KEY (uuid),
    UNIQUE (name, api_version, organization)
);

CREATE TABLE am_llm_provider_model (
    model_id integer DEFAULT nextval('am_llm_provider_model_seq') NOT NULL,
    model_name varchar(255) NOT NULL,
    llm_provider_uuid varchar(255) NOT NULL,
    PRIMARY KEY (model_id),
    UNIQUE (model_name, llm_provider_uuid)
);

CREATE TABLE am_monetization_usage (
    id varchar(100) NOT NULL,
    state varchar(50) NOT NULL,
    status varchar(50) NOT NULL,
    started_time varchar(50) NOT NULL,
    published_time varchar(50) NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE am_notification_subscriber (
    uuid varchar(255) NOT NULL,
    category varchar(255),
    notification_method varchar(255),
    subscriber_address varchar(255) NOT NULL,
    PRIMARY KEY (uuid, subscriber_address)
);

CREATE TABLE am_operation_policy (
    policy_uuid varchar(45) NOT NULL,
    policy_name varchar(300) NOT NULL,
    policy_version varchar(45) DEFAULT 'v1'::character varying,
    display_name varchar(300) NOT NULL,
    policy_description varchar(1024),
    applicable_flows varchar(45) NOT NULL,
    gateway_types varchar(45) NOT NULL,
    api_types varchar(45) NOT NULL,
    policy_parameters bytea,
    organization varchar(100),
    policy_category varchar(45) NOT NULL,
    policy_md5 varchar(512) NOT NULL,
    PRIMARY KEY (policy_uuid)
);

CREATE TABLE am_operation_policy_definition (
    definition_id serial,
    policy_uuid varchar(45) NOT NULL,
    policy_definition bytea NOT NULL,
    gateway_type varchar(20) NOT NULL,
    definition_md5 varchar(512) NOT NULL,
    PRIMARY KEY (definition_id),
    UNIQUE (policy_uuid, gateway_type)
);

CREATE TABLE am_organization_mapping (
    org_uuid varchar(50) NOT NULL,
    ext_org_id varchar(100) NOT NULL,
    display_name varchar(100),
    parent_org_uuid varchar(50),
    org_handle varchar(100),
    description varchar(256),
    root_organization varchar(255),
    PRIMARY KEY (org_uuid)
);

CREATE TABLE am_policy_application (
    policy_id integer DEFAULT nextval('am_policy_application_seq') NOT NULL,
    name varchar(512) NOT NULL,
    display_name varchar(512) DEFAULT NULL::character varying,
    tenant_id integer NOT NULL,
    description varchar(1024) DEFAULT NULL::character varying,
    quota_type varchar(25) NOT NULL,
    quota integer NOT NULL,
    quota_unit varchar(10) DEFAULT NULL::character varying,
    unit_time integer NOT NULL,
    time_unit varchar(25) NOT NULL,
    is_deployed boolean DEFAULT false NOT NULL,
    custom_attributes bytea,
    rate_limit_count integer DEFAULT 0,
    rate_limit_time_unit varchar(25) DEFAULT NULL::character varying,
    uuid varchar(256),
    PRIMARY KEY (policy_id),
    UNIQUE (name, tenant_id),
    UNIQUE (uuid)
);

CREATE TABLE am_policy_global (
    policy_id integer DEFAULT nextval('am_policy_global_seq') NOT NULL,
    name varchar(512) NOT NULL,
    key_template varchar(512) NOT NULL,
    tenant_id integer NOT NULL,
    description varchar(1024) DEFAULT NULL::character varying,
    siddhi_query bytea,
    is_deployed boolean DEFAULT false NOT NULL,
    uuid varchar(256),
    PRIMARY KEY (policy_id),
    UNIQUE (uuid)
);

CREATE TABLE am_policy_hard_throttling (
    policy_id integer DEFAULT nextval('am_policy_hard_throttling_seq') NOT NULL,
    name varchar(512) NOT NULL,
    tenant_id integer NOT NULL,
    description varchar(1024) DEFAULT NULL::character varying,
    quota_type varchar(25) NOT NULL,
    quota integer NOT NULL,
    quota_unit varchar(10) DEFAULT NULL::character varying,
    unit_time integer NOT NULL,
    time_unit varchar(25) NOT NULL,
    is_deployed boolean DEFAULT false NOT NULL,
    PRIMARY KEY (policy_id),
    UNIQUE (name, tenant_id)
);

CREATE TABLE am_policy_subscription (
    policy_id integer DEFAULT nextval('am_policy_subscription_seq') NOT NULL,
    name varchar(512) NOT NULL,
    display_name varchar(512) DEFAULT NULL::character varying,
    tenant_id integer NOT NULL,
    description varchar(1024) DEFAULT NULL::character varying,
    quota_type varchar(25) NOT NULL,
    quota integer NOT NULL,
    quota_unit varchar(10),
    unit_time integer NOT NULL,
    time_unit varchar(25) NOT NULL,
    rate_limit_count integer,
    rate_limit_time_unit varchar(25) DEFAULT NULL::character varying,
    is_deployed boolean DEFAULT false NOT NULL,
    custom_attributes bytea,
    stop_on_quota_reach boolean DEFAULT false NOT NULL,
    billing_plan varchar(20) NOT NULL,
    uuid varchar(256),
    monetization_plan varchar(25) DEFAULT NULL::character varying,
    fixed_rate varchar(15) DEFAULT NULL::character varying,
    billing_cycle varchar(15) DEFAULT NULL::character varying,
    price_per_request varchar(15) DEFAULT NULL::character varying,
    currency varchar(15) DEFAULT NULL::character varying,
    max_complexity integer DEFAULT 0 NOT NULL,
    max_depth integer DEFAULT 0 NOT NULL,
    connections_count integer DEFAULT 0 NOT NULL,
    total_token_count bigint,
    prompt_token_count bigint,
    completion_token_count bigint,
    PRIMARY KEY (policy_id),
    UNIQUE (name, tenant_id),
    UNIQUE (uuid)
);

CREATE TABLE am_query_parameter_condition (
    query_parameter_id integer DEFAULT nextval('am_query_parameter_condition_seq') NOT NULL,
    condition_group_id integer NOT NULL,
    parameter_name varchar(255) DEFAULT NULL::character varying,
    parameter_value varchar(255) DEFAULT NULL::character varying,
    is_param_mapping boolean DEFAULT true,
    PRIMARY KEY (query_parameter_id)
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

CREATE TABLE am_revoked_jwt (
    uuid varchar(255) NOT NULL,
    signature varchar(2048) NOT NULL,
    expiry_timestamp bigint NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    token_type varchar(15) DEFAULT 'DEFAULT'::character varying,
    time_created timestamp DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (uuid)
);

CREATE TABLE am_scope (
    scope_id integer DEFAULT nextval('am_scope_pk_seq') NOT NULL,
    name varchar(255) NOT NULL,
    display_name varchar(255) NOT NULL,
    description varchar(512),
    tenant_id integer DEFAULT '-1'::integer NOT NULL,
    scope_type varchar(255) NOT NULL,
    PRIMARY KEY (scope_id)
);

CREATE TABLE am_scope_binding (
    scope_id integer NOT NULL,
    scope_binding varchar(255) NOT NULL,
    binding_type varchar(255) NOT NULL
);

CREATE TABLE am_security_audit_uuid_mapping (
    api_id integer NOT NULL,
    audit_uuid varchar(255) NOT NULL,
    PRIMARY KEY (api_id)
);

CREATE TABLE am_service_catalog (
    uuid varchar(36) NOT NULL,
    service_key varchar(512) NOT NULL,
    md5 varchar(512) NOT NULL,
    service_name varchar(255) NOT NULL,
    service_version varchar(30) NOT NULL,
    tenant_id integer NOT NULL,
    service_url varchar(2048) NOT NULL,
    definition_type varchar(20),
    definition_url varchar(2048),
    description varchar(1024),
    security_type varchar(50),
    mutual_ssl_enabled boolean DEFAULT false,
    created_time timestamp,
    last_updated_time timestamp,
    created_by varchar(255),
    updated_by varchar(255),
    service_definition bytea NOT NULL,
    PRIMARY KEY (uuid),
    UNIQUE (service_key, tenant_id),
    UNIQUE (service_name, service_version, tenant_id)
);

CREATE TABLE am_shared_scope (
    name varchar(255),
    uuid varchar(256) NOT NULL,
    tenant_id integer,
    PRIMARY KEY (uuid)
);

CREATE TABLE am_subject_entity_revoked_event (
    entity_id varchar(255) NOT NULL,
    entity_type varchar(100) NOT NULL,
    time_revoked timestamp NOT NULL,
    organization varchar(100) NOT NULL,
    PRIMARY KEY (entity_id, entity_type, organization)
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

CREATE TABLE am_subscription (
    subscription_id integer DEFAULT nextval('am_subscription_sequence') NOT NULL,
    tier_id varchar(50),
    tier_id_pending varchar(50),
    api_id integer,
    last_accessed timestamp,
    application_id integer,
    sub_status varchar(50),
    subs_create_state varchar(50) DEFAULT 'SUBSCRIBE'::character varying,
    created_by varchar(100),
    created_time timestamp,
    updated_by varchar(100),
    updated_time timestamp,
    uuid varchar(256),
    PRIMARY KEY (subscription_id),
    UNIQUE (uuid)
);

CREATE TABLE am_system_apps (
    id integer DEFAULT nextval('am_api_system_apps_sequence') NOT NULL,
    name varchar(50) NOT NULL,
    consumer_key varchar(512) NOT NULL,
    consumer_secret varchar(512) NOT NULL,
    tenant_domain varchar(255) DEFAULT 'carbon.super'::character varying,
    created_time timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (consumer_key)
);

CREATE TABLE am_system_configs (
    organization varchar(100) NOT NULL,
    config_type varchar(100) NOT NULL,
    configuration bytea NOT NULL,
    PRIMARY KEY (organization, config_type)
);

CREATE TABLE am_tenant_themes (
    tenant_id integer NOT NULL,
    theme bytea NOT NULL,
    PRIMARY KEY (tenant_id)
);

CREATE TABLE am_throttle_tier_permissions (
    throttle_tier_permissions_id integer DEFAULT nextval('am_throttle_tier_permissions_seq') NOT NULL,
    tier varchar(50),
    permissions_type varchar(50),
    roles varchar(512),
    tenant_id integer,
    PRIMARY KEY (throttle_tier_permissions_id)
);

CREATE TABLE am_tier_permissions (
    tier_permissions_id integer DEFAULT nextval('am_tier_permissions_sequence') NOT NULL,
    tier varchar(50) NOT NULL,
    permissions_type varchar(50) NOT NULL,
    roles varchar(512) NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (tier_permissions_id)
);

CREATE TABLE am_transaction_records (
    id varchar(255) NOT NULL,
    host varchar(255),
    server_id varchar(255),
    server_type varchar(20),
    count integer NOT NULL,
    recorded_time timestamp NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE am_usage_uploaded_files (
    tenant_domain varchar(255) NOT NULL,
    file_name varchar(255) NOT NULL,
    file_timestamp timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    file_processed integer DEFAULT 0,
    file_content bytea,
    PRIMARY KEY (tenant_domain, file_name, file_timestamp)
);

CREATE TABLE am_user (
    user_id varchar(255) NOT NULL,
    user_name varchar(255) NOT NULL,
    PRIMARY KEY (user_id)
);

CREATE TABLE am_webhooks_subscription (
    wh_subscription_id integer DEFAULT nextval('am_webhooks_pk_seq') NOT NULL,
    api_uuid varchar(255) NOT NULL,
    application_id varchar(20) NOT NULL,
    tenant_domain varchar(255) NOT NULL,
    hub_callback_url varchar(1024) NOT NULL,
    hub_topic varchar(255) NOT NULL,
    hub_secret varchar(2048),
    hub_lease_seconds integer,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    expiry_at bigint,
    delivered_at timestamp,
    delivery_state integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (wh_subscription_id)
);

CREATE TABLE am_webhooks_unsubscription (
    api_uuid varchar(255) NOT NULL,
    application_id varchar(20) NOT NULL,
    tenant_domain varchar(255) NOT NULL,
    hub_callback_url varchar(1024) NOT NULL,
    hub_topic varchar(255) NOT NULL,
    hub_secret varchar(2048),
    hub_lease_seconds integer,
    added_at timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL
);

CREATE TABLE am_workflows (
    wf_id integer DEFAULT nextval('am_workflows_sequence') NOT NULL,
    wf_reference varchar(255) NOT NULL,
    wf_type varchar(255) NOT NULL,
    wf_status varchar(255) NOT NULL,
    wf_created_time timestamp DEFAULT CURRENT_TIMESTAMP,
    wf_updated_time timestamp DEFAULT CURRENT_TIMESTAMP,
    wf_status_desc varchar(1000),
    tenant_id integer,
    tenant_domain varchar(255),
    wf_external_reference varchar(255) NOT NULL,
    wf_metadata bytea,
    wf_properties bytea,
    PRIMARY KEY (wf_id),
    UNIQUE (wf_external_reference)
);

CREATE TABLE cm_consent_receipt_property (
    id integer DEFAULT nextval('cm_consent_receipt_property_pk_seq') NOT NULL,
    consent_receipt_id varchar(255) NOT NULL,
    name varchar(255) NOT NULL,
    value varchar(1023) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (consent_receipt_id, name)
);

CREATE TABLE cm_pii_category (
    id integer DEFAULT nextval('cm_pii_category_pk_seq') NOT NULL,
    name varchar(255) NOT NULL,
    description varchar(1023),
    display_name varchar(255),
    is_sensitive integer NOT NULL,
    tenant_id integer DEFAULT '-1234'::integer,
    PRIMARY KEY (id),
    UNIQUE (name, tenant_id)
);

CREATE TABLE cm_purpose (
    id integer DEFAULT nextval('cm_purpose_pk_seq') NOT NULL,
    name varchar(255) NOT NULL,
    description varchar(1023),
    purpose_group varchar(255) NOT NULL,
    group_type varchar(255) NOT NULL,
    tenant_id integer DEFAULT '-1234'::integer,
    PRIMARY KEY (id),
    UNIQUE (name, tenant_id, purpose_group, group_type)
);

CREATE TABLE cm_purpose_category (
    id integer DEFAULT nextval('cm_purpose_category_pk_seq') NOT NULL,
    name varchar(255) NOT NULL,
    description varchar(1023),
    tenant_id integer DEFAULT '-1234'::integer,
    PRIMARY KEY (id),
    UNIQUE (name, tenant_id)
);

CREATE TABLE cm_purpose_pii_cat_assoc (
    id integer DEFAULT nextval('cm_purpose_pii_cat_assoc_pk_seq') NOT NULL,
    purpose_id integer NOT NULL,
    cm_pii_category_id integer NOT NULL,
    is_mandatory integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (purpose_id, cm_pii_category_id)
);

CREATE TABLE cm_receipt (
    consent_receipt_id varchar(255) NOT NULL,
    version varchar(255) NOT NULL,
    jurisdiction varchar(255) NOT NULL,
    consent_timestamp timestamp NOT NULL,
    collection_method varchar(255) NOT NULL,
    language varchar(255) NOT NULL,
    pii_principal_id varchar(255) NOT NULL,
    principal_tenant_id integer DEFAULT '-1234'::integer,
    policy_url varchar(255) NOT NULL,
    state varchar(255) NOT NULL,
    pii_controller varchar(2048) NOT NULL,
    PRIMARY KEY (consent_receipt_id)
);

CREATE TABLE cm_receipt_sp_assoc (
    id integer DEFAULT nextval('cm_receipt_sp_assoc_pk_seq') NOT NULL,
    consent_receipt_id varchar(255) NOT NULL,
    sp_name varchar(255) NOT NULL,
    sp_display_name varchar(255),
    sp_description varchar(1024),
    sp_tenant_id integer DEFAULT '-1234'::integer,
    PRIMARY KEY (id),
    UNIQUE (consent_receipt_id, sp_name, sp_tenant_id)
);

CREATE TABLE cm_sp_purpose_assoc (
    id integer DEFAULT nextval('cm_sp_purpose_assoc_pk_seq') NOT NULL,
    receipt_sp_assoc integer NOT NULL,
    purpose_id integer NOT NULL,
    consent_type varchar(255) NOT NULL,
    is_primary_purpose integer NOT NULL,
    termination varchar(255) NOT NULL,
    third_party_disclosure integer NOT NULL,
    third_party_name varchar(255),
    PRIMARY KEY (id),
    UNIQUE (receipt_sp_assoc, purpose_id)
);

CREATE TABLE cm_sp_purpose_pii_cat_assoc (
    id integer DEFAULT nextval('cm_sp_purpose_pii_cat_assoc_pk_seq') NOT NULL,
    sp_purpose_assoc_id integer NOT NULL,
    pii_category_id integer NOT NULL,
    validity varchar(1023),
    is_consented boolean DEFAULT true,
    PRIMARY KEY (id),
    UNIQUE (sp_purpose_assoc_id, pii_category_id)
);

CREATE TABLE cm_sp_purpose_purpose_cat_assc (
    id integer DEFAULT nextval('cm_sp_purpose_purpose_cat_assc_pk_seq') NOT NULL,
    sp_purpose_assoc_id integer NOT NULL,
    purpose_category_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (sp_purpose_assoc_id, purpose_category_id)
);

CREATE TABLE fido2_device_store (
    tenant_id integer,
    domain_name varchar(255) NOT NULL,
    user_name varchar(45) NOT NULL,
    time_registered timestamp,
    user_handle varchar(64) NOT NULL,
    credential_id varchar(200) NOT NULL,
    public_key_cose varchar(1024) NOT NULL,
    signature_count bigint,
    user_identity varchar(512) NOT NULL,
    display_name varchar(255),
    is_usernameless_supported char(1) DEFAULT '0'::bpchar,
    PRIMARY KEY (credential_id, user_handle)
);

CREATE TABLE fido_device_store (
    tenant_id integer NOT NULL,
    domain_name varchar(255) NOT NULL,
    user_name varchar(45) NOT NULL,
    time_registered timestamp,
    key_handle varchar(200) NOT NULL,
    device_data varchar(2048) NOT NULL,
    PRIMARY KEY (tenant_id, domain_name, user_name, key_handle)
);

CREATE TABLE gov_artifact (
    artifact_key varchar(36) NOT NULL,
    artifact_ref_id varchar(36) NOT NULL,
    artifact_type varchar(32) NOT NULL,
    organization varchar(128) NOT NULL,
    PRIMARY KEY (artifact_key),
    UNIQUE (artifact_ref_id, artifact_type, organization)
);

CREATE TABLE gov_policy (
    policy_id varchar(36) NOT NULL,
    name varchar(256) NOT NULL,
    description varchar(1024),
    organization varchar(128) NOT NULL,
    created_by varchar(256),
    created_time timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_by varchar(256),
    last_updated_time timestamp,
    is_global integer DEFAULT 0,
    PRIMARY KEY (policy_id),
    UNIQUE (name, organization)
);

CREATE TABLE gov_policy_action (
    policy_id varchar(36) NOT NULL,
    state varchar(128) NOT NULL,
    severity varchar(32) NOT NULL,
    type varchar(32) NOT NULL,
    PRIMARY KEY (policy_id, state, severity, type)
);

CREATE TABLE gov_policy_governable_state (
    policy_id varchar(36) NOT NULL,
    state varchar(128) NOT NULL,
    PRIMARY KEY (policy_id, state)
);

CREATE TABLE gov_policy_label (
    policy_id varchar(36) NOT NULL,
    label varchar(128) NOT NULL,
    PRIMARY KEY (policy_id, label)
);

CREATE TABLE gov_policy_ruleset (
    policy_id varchar(36) NOT NULL,
    ruleset_id varchar(36) NOT NULL,
    PRIMARY KEY (policy_id, ruleset_id)
);

CREATE TABLE gov_policy_run (
    artifact_key varchar(36) NOT NULL,
    policy_id varchar(36) NOT NULL,
    run_timestamp timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    PRIMARY KEY (artifact_key, policy_id)
);

CREATE TABLE gov_request (
    req_id varchar(36) NOT NULL,
    artifact_key varchar(36) NOT NULL,
    status varchar(32) DEFAULT 'PENDING'::character varying NOT NULL,
    req_timestamp timestamp DEFAULT CURRENT_TIMESTAMP,
    processing_timestamp timestamp,
    PRIMARY KEY (req_id),
    UNIQUE (status, artifact_key)
);

CREATE TABLE gov_request_policy (
    req_id varchar(36) NOT NULL,
    policy_id varchar(36) NOT NULL,
    PRIMARY KEY (req_id, policy_id)
);

CREATE TABLE gov_rule_violation (
    id varchar(36) NOT NULL,
    ruleset_run_id varchar(36) NOT NULL,
    ruleset_id varchar(36) NOT NULL,
    rule_name varchar(256) NOT NULL,
    message varchar(1024),
    violated_path varchar(1024) NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE gov_ruleset (
    ruleset_id varchar(36) NOT NULL,
    name varchar(256) NOT NULL,
    description varchar(1024),
    artifact_type varchar(128) NOT NULL,
    rule_category varchar(128) NOT NULL,
    rule_type varchar(128) NOT NULL,
    documentation_link varchar(1024),
    provider varchar(256),
    organization varchar(128) NOT NULL,
    created_by varchar(256),
    created_time timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_by varchar(256),
    last_updated_time timestamp,
    PRIMARY KEY (ruleset_id),
    UNIQUE (name, organization)
);

CREATE TABLE gov_ruleset_content (
    ruleset_id varchar(36) NOT NULL,
    content bytea NOT NULL,
    content_type varchar(128),
    file_name varchar(256),
    PRIMARY KEY (ruleset_id)
);

CREATE TABLE gov_ruleset_rule (
    ruleset_rule_id varchar(36) NOT NULL,
    ruleset_id varchar(36) NOT NULL,
    rule_name varchar(256) NOT NULL,
    rule_description varchar(1024),
    severity varchar(32) NOT NULL,
    rule_content bytea NOT NULL,
    PRIMARY KEY (ruleset_rule_id),
    UNIQUE (ruleset_id, rule_name)
);

CREATE TABLE gov_ruleset_run (
    ruleset_run_id varchar(36) NOT NULL,
    artifact_key varchar(36) NOT NULL,
    ruleset_id varchar(36) NOT NULL,
    result integer NOT NULL,
    run_timestamp timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    PRIMARY KEY (ruleset_run_id),
    UNIQUE (artifact_key, ruleset_id)
);

CREATE TABLE idn_app_revoked_event (
    event_id varchar(255) NOT NULL,
    consumer_key varchar(255) NOT NULL,
    time_revoked timestamp NOT NULL,
    organization varchar(100),
    PRIMARY KEY (event_id),
    UNIQUE (consumer_key, organization)
);

CREATE TABLE idn_associated_id (
    id integer DEFAULT nextval('idn_associated_id_seq') NOT NULL,
    idp_user_id varchar(255) NOT NULL,
    tenant_id integer DEFAULT '-1234'::integer,
    idp_id integer NOT NULL,
    domain_name varchar(255) NOT NULL,
    user_name varchar(255) NOT NULL,
    association_id char(36) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (idp_user_id, tenant_id, idp_id)
);

CREATE TABLE idn_auth_session_app_info (
    session_id varchar(100) NOT NULL,
    subject varchar(100) NOT NULL,
    app_id integer NOT NULL,
    inbound_auth_type varchar(255) NOT NULL,
    PRIMARY KEY (session_id, subject, app_id, inbound_auth_type)
);

CREATE TABLE idn_auth_session_meta_data (
    session_id varchar(100) NOT NULL,
    property_type varchar(100) NOT NULL,
    value varchar(255) NOT NULL,
    PRIMARY KEY (session_id, property_type, value)
);

CREATE TABLE idn_auth_session_store (
    session_id varchar(100) NOT NULL,
    session_type varchar(100) NOT NULL,
    operation varchar(10) NOT NULL,
    session_object bytea,
    time_created bigint NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    expiry_time bigint,
    PRIMARY KEY (session_id, session_type, time_created, operation)
);

CREATE TABLE idn_auth_temp_session_store (
    session_id varchar(100) NOT NULL,
    session_type varchar(100) NOT NULL,
    operation varchar(10) NOT NULL,
    session_object bytea,
    time_created bigint NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    expiry_time bigint,
    PRIMARY KEY (session_id, session_type, time_created, operation)
);

CREATE TABLE idn_auth_user (
    user_id varchar(255) NOT NULL,
    user_name varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    domain_name varchar(255) NOT NULL,
    idp_id integer NOT NULL,
    PRIMARY KEY (user_id),
    UNIQUE (user_name, tenant_id, domain_name, idp_id)
);

CREATE TABLE idn_auth_user_session_mapping (
    id integer DEFAULT nextval('idn_auth_user_session_mapping_pk_seq') NOT NULL,
    user_id varchar(255) NOT NULL,
    session_id varchar(255) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (user_id, session_id)
);

CREATE TABLE idn_auth_wait_status (
    id integer DEFAULT nextval('idn_auth_wait_status_seq') NOT NULL,
    tenant_id integer NOT NULL,
    long_wait_key varchar(255) NOT NULL,
    wait_status char(1) DEFAULT '1'::bpchar NOT NULL,
    time_created timestamp,
    expire_time timestamp,
    PRIMARY KEY (id),
    UNIQUE (long_wait_key)
);

CREATE TABLE idn_base_table (
    product_name varchar(20) NOT NULL,
    PRIMARY KEY (product_name)
);

CREATE TABLE idn_certificate (
    id integer DEFAULT nextval('idn_certificate_pk_seq') NOT NULL,
    name varchar(100),
    certificate_in_pem bytea,
    tenant_id integer DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE (name, tenant_id)
);

CREATE TABLE idn_claim (
    id integer DEFAULT nextval('idn_claim_seq') NOT NULL,
    dialect_id integer NOT NULL,
    claim_uri varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (dialect_id, claim_uri, tenant_id)
);

CREATE TABLE idn_claim_dialect (
    id integer DEFAULT nextval('idn_claim_dialect_seq') NOT NULL,
    dialect_uri varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (dialect_uri, tenant_id)
);

CREATE TABLE idn_claim_mapped_attribute (
    id integer DEFAULT nextval('idn_claim_mapped_attribute_seq') NOT NULL,
    local_claim_id integer,
    user_store_domain_name varchar(255) NOT NULL,
    attribute_name varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (local_claim_id, user_store_domain_name, tenant_id)
);

CREATE TABLE idn_claim_mapping (
    id integer DEFAULT nextval('idn_claim_mapping_seq') NOT NULL,
    ext_claim_id integer NOT NULL,
    mapped_local_claim_id integer NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (ext_claim_id, tenant_id)
);

CREATE TABLE idn_claim_property (
    id integer DEFAULT nextval('idn_claim_property_seq') NOT NULL,
    local_claim_id integer,
    property_name varchar(255) NOT NULL,
    property_value varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (local_claim_id, property_name, tenant_id)
);

CREATE TABLE idn_config_attribute (
    id varchar(255) NOT NULL,
    resource_id varchar(255) NOT NULL,
    attr_key varchar(255) NOT NULL,
    attr_value varchar(1023),
    PRIMARY KEY (id),
    UNIQUE (resource_id, attr_key)
);

CREATE TABLE idn_config_file (
    id varchar(255) NOT NULL,
    value bytea,
    name varchar(255),
    resource_id varchar(255) NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE idn_config_resource (
    id varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    name varchar(255) NOT NULL,
    created_time timestamp NOT NULL,
    last_modified timestamp NOT NULL,
    has_file boolean NOT NULL,
    has_attribute boolean NOT NULL,
    type_id varchar(255) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name, tenant_id, type_id)
);

CREATE TABLE idn_config_type (
    id varchar(255) NOT NULL,
    name varchar(255) NOT NULL,
    description varchar(1023),
    PRIMARY KEY (id),
    UNIQUE (name)
);

CREATE TABLE idn_cors_association (
    idn_cors_origin_id integer NOT NULL,
    sp_app_id integer NOT NULL,
    PRIMARY KEY (idn_cors_origin_id, sp_app_id)
);

CREATE TABLE idn_cors_origin (
    id integer DEFAULT nextval('idn_cors_origin_pk_seq') NOT NULL,
    tenant_id integer NOT NULL,
    origin varchar(2048) NOT NULL,
    uuid char(36) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, origin),
    UNIQUE (uuid)
);

CREATE TABLE idn_fed_auth_session_mapping (
    id serial,
    idp_session_id varchar(255) NOT NULL,
    session_id varchar(255) NOT NULL,
    idp_name varchar(255) NOT NULL,
    authenticator_id varchar(255),
    protocol_type varchar(255),
    time_created timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (idp_session_id, tenant_id)
);

CREATE TABLE idn_function_library (
    name varchar(255) NOT NULL,
    description varchar(1023),
    type varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE idn_identity_meta_data (
    user_name varchar(255) NOT NULL,
    tenant_id integer DEFAULT '-1234'::integer NOT NULL,
    metadata_type varchar(255) NOT NULL,
    metadata varchar(255) NOT NULL,
    valid varchar(255) NOT NULL,
    PRIMARY KEY (tenant_id, user_name, metadata_type, metadata)
);

CREATE TABLE idn_identity_user_data (
    tenant_id integer DEFAULT '-1234'::integer NOT NULL,
    user_name varchar(255) NOT NULL,
    data_key varchar(255) NOT NULL,
    data_value varchar(2048),
    PRIMARY KEY (tenant_id, user_name, data_key)
);

CREATE TABLE idn_invalid_tokens (
    uuid varchar(255) NOT NULL,
    token_identifier varchar(2048) NOT NULL,
    consumer_key varchar(255) NOT NULL,
    time_created timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    expiry_timestamp timestamp NOT NULL,
    PRIMARY KEY (uuid)
);

CREATE TABLE idn_oauth1a_access_token (
    access_token varchar(512) NOT NULL,
    access_token_secret varchar(512),
    consumer_key_id integer,
    scope varchar(2048),
    authz_user varchar(512),
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (access_token)
);

CREATE TABLE idn_oauth1a_request_token (
    request_token varchar(512) NOT NULL,
    request_token_secret varchar(512),
    consumer_key_id integer,
    callback_url varchar(2048),
    scope varchar(2048),
    authorized varchar(128),
    oauth_verifier varchar(512),
    authz_user varchar(512),
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (request_token)
);

CREATE TABLE idn_oauth2_access_token (
    token_id varchar(255) NOT NULL,
    access_token varchar(2048),
    refresh_token varchar(2048),
    consumer_key_id integer,
    authz_user varchar(100),
    tenant_id integer,
    user_domain varchar(50),
    user_type varchar(25),
    grant_type varchar(50),
    time_created timestamp,
    refresh_token_time_created timestamp,
    validity_period bigint,
    refresh_token_validity_period bigint,
    token_scope_hash varchar(32),
    token_state varchar(25) DEFAULT 'ACTIVE'::character varying,
    token_state_id varchar(128) DEFAULT 'NONE'::character varying,
    subject_identifier varchar(255),
    access_token_hash varchar(512),
    refresh_token_hash varchar(512),
    idp_id integer DEFAULT '-1'::integer NOT NULL,
    token_binding_ref varchar(32) DEFAULT 'NONE'::character varying,
    consented_token varchar(6),
    PRIMARY KEY (token_id),
    UNIQUE (consumer_key_id, authz_user, tenant_id, user_domain, user_type, token_scope_hash, token_state, token_state_id, idp_id, token_binding_ref)
);

CREATE TABLE idn_oauth2_access_token_audit (
    id integer DEFAULT nextval('idn_oauth2_access_token_audit_pk_seq') NOT NULL,
    token_id varchar(255),
    access_token varchar(2048),
    refresh_token varchar(2048),
    consumer_key_id integer,
    authz_user varchar(100),
    tenant_id integer,
    user_domain varchar(50),
    user_type varchar(25),
    grant_type varchar(50),
    time_created timestamp,
    refresh_token_time_created timestamp,
    validity_period bigint,
    refresh_token_validity_period bigint,
    token_scope_hash varchar(32),
    token_state varchar(25),
    token_state_id varchar(128),
    subject_identifier varchar(255),
    access_token_hash varchar(512),
    refresh_token_hash varchar(512),
    invalidated_time timestamp,
    idp_id integer DEFAULT '-1'::integer NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE idn_oauth2_access_token_scope (
    token_id varchar(255) NOT NULL,
    token_scope varchar(100) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (token_id, token_scope)
);

CREATE TABLE idn_oauth2_authorization_code (
    code_id varchar(255) NOT NULL,
    authorization_code varchar(2048),
    consumer_key_id integer,
    callback_url varchar(2048),
    scope varchar(2048),
    authz_user varchar(100),
    tenant_id integer,
    user_domain varchar(50),
    time_created timestamp,
    validity_period bigint,
    state varchar(25) DEFAULT 'ACTIVE'::character varying,
    token_id varchar(255),
    subject_identifier varchar(255),
    pkce_code_challenge varchar(255),
    pkce_code_challenge_method varchar(128),
    authorization_code_hash varchar(512),
    idp_id integer DEFAULT '-1'::integer NOT NULL,
    PRIMARY KEY (code_id)
);

CREATE TABLE idn_oauth2_authz_code_scope (
    code_id varchar(255) NOT NULL,
    scope varchar(60) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (code_id, scope)
);

CREATE TABLE idn_oauth2_ciba_auth_code (
    auth_code_key char(36) NOT NULL,
    auth_req_id char(36),
    issued_time timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    consumer_key varchar(255),
    last_polled_time timestamp NOT NULL,
    polling_interval integer,
    expires_in integer,
    authenticated_user_name varchar(255),
    user_store_domain varchar(100),
    tenant_id integer,
    auth_req_status varchar(100) DEFAULT 'REQUESTED'::character varying,
    idp_id integer,
    PRIMARY KEY (auth_code_key),
    UNIQUE (auth_req_id)
);

CREATE TABLE idn_oauth2_ciba_request_scopes (
    id integer DEFAULT nextval('idn_oauth2_ciba_request_scopes_pk_seq') NOT NULL,
    auth_code_key char(36),
    scope varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_oauth2_device_flow (
    code_id varchar(255),
    device_code varchar(255) NOT NULL,
    user_code varchar(25),
    quantifier integer DEFAULT 0 NOT NULL,
    consumer_key_id integer,
    last_poll_time timestamp NOT NULL,
    expiry_time timestamp NOT NULL,
    time_created timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    poll_time bigint,
    status varchar(25) DEFAULT 'PENDING'::character varying,
    authz_user varchar(100),
    tenant_id integer,
    user_domain varchar(50),
    idp_id integer,
    PRIMARY KEY (device_code),
    UNIQUE (code_id),
    UNIQUE (user_code, quantifier)
);

CREATE TABLE idn_oauth2_device_flow_scopes (
    id serial,
    scope_id varchar(255),
    scope varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_oauth2_resource_scope (
    resource_path varchar(255) NOT NULL,
    scope_id integer NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (resource_path)
);

CREATE TABLE idn_oauth2_scope (
    scope_id integer DEFAULT nextval('idn_oauth2_scope_pk_seq') NOT NULL,
    name varchar(255) NOT NULL,
    display_name varchar(255) NOT NULL,
    description varchar(512),
    tenant_id integer DEFAULT '-1'::integer NOT NULL,
    scope_type varchar(255) NOT NULL,
    PRIMARY KEY (scope_id),
    UNIQUE (name, tenant_id)
);

CREATE TABLE idn_oauth2_scope_binding (
    id integer DEFAULT nextval('idn_oauth2_scope_binding_pk_seq') NOT NULL,
    scope_id integer NOT NULL,
    scope_binding varchar(255) NOT NULL,
    binding_type varchar(255) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (scope_id, scope_binding, binding_type)
);

CREATE TABLE idn_oauth2_scope_validators (
    app_id integer NOT NULL,
    scope_validator varchar(128) NOT NULL,
    PRIMARY KEY (app_id, scope_validator)
);

CREATE TABLE idn_oauth2_token_binding (
    token_id varchar(255),
    token_binding_type varchar(32),
    token_binding_ref varchar(32),
    token_binding_value varchar(1024),
    tenant_id integer DEFAULT '-1'::integer,
    UNIQUE (token_id, token_binding_type, token_binding_value)
);

CREATE TABLE idn_oauth2_user_consent (
    id integer DEFAULT nextval('idn_oauth2_user_consent_pk_seq') NOT NULL,
    user_id varchar(255) NOT NULL,
    app_id char(36) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer NOT NULL,
    consent_id varchar(255) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (consent_id),
    UNIQUE (user_id, app_id, tenant_id)
);

CREATE TABLE idn_oauth2_user_consented_scopes (
    id integer DEFAULT nextval('idn_oauth2_user_consented_scopes_pk_seq') NOT NULL,
    consent_id varchar(255) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer NOT NULL,
    scope varchar(255) NOT NULL,
    consent boolean DEFAULT true NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (consent_id, scope)
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
    pkce_mandatory char(1) DEFAULT '0'::bpchar,
    pkce_support_plain char(1) DEFAULT '0'::bpchar,
    app_state varchar(25) DEFAULT 'ACTIVE'::character varying,
    user_access_token_expire_time bigint DEFAULT 3600,
    app_access_token_expire_time bigint DEFAULT 3600,
    refresh_token_expire_time bigint DEFAULT 84600,
    id_token_expire_time bigint DEFAULT 3600,
    PRIMARY KEY (id),
    UNIQUE (consumer_key)
);

CREATE TABLE idn_oidc_jti (
    jwt_id varchar(255) NOT NULL,
    exp_time timestamp NOT NULL,
    time_created timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    PRIMARY KEY (jwt_id)
);

CREATE TABLE idn_oidc_property (
    id integer DEFAULT nextval('idn_oidc_property_seq') NOT NULL,
    tenant_id integer,
    consumer_key varchar(255),
    property_key varchar(255) NOT NULL,
    property_value varchar(2047),
    PRIMARY KEY (id)
);

CREATE TABLE idn_oidc_req_obj_claim_values (
    id integer DEFAULT nextval('idn_oidc_req_object_claim_values_seq') NOT NULL,
    req_object_claims_id integer,
    claim_values varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_oidc_req_object_claims (
    id integer DEFAULT nextval('idn_oidc_req_object_claims_seq') NOT NULL,
    req_object_id integer,
    claim_attribute varchar(255),
    essential char(1) DEFAULT '0'::bpchar NOT NULL,
    value varchar(255),
    is_userinfo char(1) DEFAULT '0'::bpchar NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE idn_oidc_req_object_reference (
    id integer DEFAULT nextval('idn_oidc_request_object_ref_seq') NOT NULL,
    consumer_key_id integer,
    code_id varchar(255),
    token_id varchar(255),
    session_data_key varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_oidc_scope_claim_mapping (
    id integer DEFAULT nextval('idn_oidc_scope_claim_mapping_pk_seq') NOT NULL,
    scope_id integer NOT NULL,
    external_claim_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (scope_id, external_claim_id)
);

CREATE TABLE idn_openid_associations (
    handle varchar(255) NOT NULL,
    assoc_type varchar(255) NOT NULL,
    expire_in timestamp NOT NULL,
    mac_key varchar(255) NOT NULL,
    assoc_store varchar(128) DEFAULT 'SHARED'::character varying,
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (handle)
);

CREATE TABLE idn_openid_remember_me (
    user_name varchar(255) NOT NULL,
    tenant_id integer DEFAULT 0 NOT NULL,
    cookie_value varchar(1024),
    created_time timestamp,
    PRIMARY KEY (user_name, tenant_id)
);

CREATE TABLE idn_openid_user_rps (
    user_name varchar(255) NOT NULL,
    tenant_id integer DEFAULT 0 NOT NULL,
    rp_url varchar(255) NOT NULL,
    trusted_always varchar(128) DEFAULT 'FALSE'::character varying,
    last_visit date NOT NULL,
    visit_count integer DEFAULT 0,
    default_profile_name varchar(255) DEFAULT 'DEFAULT'::character varying,
    PRIMARY KEY (user_name, tenant_id, rp_url)
);

CREATE TABLE idn_password_history_data (
    id integer DEFAULT nextval('idn_password_history_data_pk_seq') NOT NULL,
    user_name varchar(255) NOT NULL,
    user_domain varchar(127) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    salt_value varchar(255),
    hash varchar(255) NOT NULL,
    time_created timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (user_name, user_domain, tenant_id, salt_value, hash)
);

CREATE TABLE idn_recovery_data (
    user_name varchar(255) NOT NULL,
    user_domain varchar(127) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer NOT NULL,
    code varchar(255) NOT NULL,
    scenario varchar(255) NOT NULL,
    step varchar(127) NOT NULL,
    time_created timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
    remaining_sets varchar(2500) DEFAULT NULL::character varying,
    PRIMARY KEY (user_name, user_domain, tenant_id, scenario, step),
    UNIQUE (code)
);

CREATE TABLE idn_remote_fetch_config (
    id varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    is_enabled char(1) NOT NULL,
    repo_manager_type varchar(255) NOT NULL,
    action_listener_type varchar(255) NOT NULL,
    config_deployer_type varchar(255) NOT NULL,
    remote_fetch_name varchar(255),
    remote_resource_uri varchar(255) NOT NULL,
    attributes_json text NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, config_deployer_type)
);

CREATE TABLE idn_remote_fetch_revisions (
    id varchar(255) NOT NULL,
    config_id varchar(255) NOT NULL,
    file_path varchar(255) NOT NULL,
    file_hash varchar(255),
    deployed_date timestamp,
    last_sync_time timestamp,
    deployment_status varchar(255),
    item_name varchar(255),
    deploy_err_log text,
    PRIMARY KEY (id),
    UNIQUE (config_id, item_name)
);

CREATE TABLE idn_saml2_artifact_store (
    id integer DEFAULT nextval('idn_saml2_artifact_store_seq') NOT NULL,
    source_id varchar(255) NOT NULL,
    message_handler varchar(255) NOT NULL,
    authn_req_dto bytea NOT NULL,
    session_id varchar(255) NOT NULL,
    init_timestamp timestamp NOT NULL,
    exp_timestamp timestamp NOT NULL,
    assertion_id varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_saml2_assertion_store (
    id integer DEFAULT nextval('idn_saml2_assertion_store_seq') NOT NULL,
    saml2_id varchar(255),
    saml2_issuer varchar(255),
    saml2_subject varchar(255),
    saml2_session_index varchar(255),
    saml2_authn_context_class_ref varchar(255),
    saml2_assertion varchar(4096),
    assertion bytea,
    PRIMARY KEY (id)
);

CREATE TABLE idn_scim_group (
    id integer DEFAULT nextval('idn_scim_group_pk_seq') NOT NULL,
    tenant_id integer NOT NULL,
    role_name varchar(255) NOT NULL,
    attr_name varchar(1024) NOT NULL,
    attr_value varchar(1024),
    PRIMARY KEY (id),
    UNIQUE (tenant_id, role_name, attr_name)
);

CREATE TABLE idn_secret (
    id varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    secret_name varchar(255) NOT NULL,
    secret_value varchar(8000) NOT NULL,
    created_time timestamp NOT NULL,
    last_modified timestamp NOT NULL,
    type_id varchar(255) NOT NULL,
    description varchar(1023),
    PRIMARY KEY (id),
    UNIQUE (secret_name, tenant_id, type_id)
);

CREATE TABLE idn_secret_type (
    id varchar(255) NOT NULL,
    name varchar(255) NOT NULL,
    description varchar(1023),
    PRIMARY KEY (id),
    UNIQUE (name)
);

CREATE TABLE idn_sts_store (
    id integer DEFAULT nextval('idn_sts_store_pk_seq') NOT NULL,
    token_id varchar(255) NOT NULL,
    token_content bytea NOT NULL,
    create_date timestamp NOT NULL,
    expire_date timestamp NOT NULL,
    state integer DEFAULT 0,
    PRIMARY KEY (id)
);

CREATE TABLE idn_subject_entity_revoked_event (
    event_id varchar(255) NOT NULL,
    entity_id varchar(255) NOT NULL,
    entity_type varchar(100) NOT NULL,
    time_revoked timestamp NOT NULL,
    organization varchar(100),
    PRIMARY KEY (event_id),
    UNIQUE (entity_id, entity_type, organization)
);

CREATE TABLE idn_thrift_session (
    session_id varchar(255) NOT NULL,
    user_name varchar(255) NOT NULL,
    created_time varchar(255) NOT NULL,
    last_modified_time varchar(255) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (session_id)
);

CREATE TABLE idn_uma_permission_ticket (
    id integer DEFAULT nextval('idn_uma_permission_ticket_seq') NOT NULL,
    pt varchar(255) NOT NULL,
    time_created timestamp NOT NULL,
    expiry_time timestamp NOT NULL,
    ticket_state varchar(25) DEFAULT 'ACTIVE'::character varying,
    tenant_id integer DEFAULT '-1234'::integer,
    token_id varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_uma_pt_resource (
    id integer DEFAULT nextval('idn_uma_pt_resource_seq') NOT NULL,
    pt_resource_id integer NOT NULL,
    pt_id integer NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE idn_uma_pt_resource_scope (
    id integer DEFAULT nextval('idn_uma_pt_resource_scope_seq') NOT NULL,
    pt_resource_id integer NOT NULL,
    pt_scope_id integer NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE idn_uma_resource (
    id integer DEFAULT nextval('idn_uma_resource_seq') NOT NULL,
    resource_id varchar(255),
    resource_name varchar(255),
    time_created timestamp NOT NULL,
    resource_owner_name varchar(255),
    client_id varchar(255),
    tenant_id integer DEFAULT '-1234'::integer,
    user_domain varchar(50),
    PRIMARY KEY (id)
);

CREATE TABLE idn_uma_resource_meta_data (
    id integer DEFAULT nextval('idn_uma_resource_meta_data_seq') NOT NULL,
    resource_identity integer NOT NULL,
    property_key varchar(40),
    property_value varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_uma_resource_scope (
    id integer DEFAULT nextval('idn_uma_resource_scope_seq') NOT NULL,
    resource_identity integer NOT NULL,
    scope_name varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE idn_user_account_association (
    association_key varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    domain_name varchar(255) NOT NULL,
    user_name varchar(255) NOT NULL,
    PRIMARY KEY (tenant_id, domain_name, user_name)
);

CREATE TABLE idn_user_functionality_mapping (
    id varchar(255) NOT NULL,
    user_id varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    functionality_id varchar(255) NOT NULL,
    is_functionality_locked boolean NOT NULL,
    functionality_unlock_time bigint NOT NULL,
    functionality_lock_reason varchar(1023),
    functionality_lock_reason_code varchar(255),
    PRIMARY KEY (id),
    UNIQUE (user_id, tenant_id, functionality_id)
);

CREATE TABLE idn_user_functionality_property (
    id varchar(255) NOT NULL,
    user_id varchar(255) NOT NULL,
    tenant_id integer NOT NULL,
    functionality_id varchar(255) NOT NULL,
    property_name varchar(255),
    property_value varchar(255),
    PRIMARY KEY (id),
    UNIQUE (user_id, tenant_id, functionality_id, property_name)
);

CREATE TABLE idp (
    id integer DEFAULT nextval('idp_seq') NOT NULL,
    tenant_id integer,
    name varchar(254) NOT NULL,
    is_enabled char(1) DEFAULT '1'::bpchar NOT NULL,
    is_primary char(1) DEFAULT '0'::bpchar NOT NULL,
    home_realm_id varchar(254),
    image bytea,
    certificate bytea,
    alias varchar(254),
    inbound_prov_enabled char(1) DEFAULT '0'::bpchar NOT NULL,
    inbound_prov_user_store_id varchar(254),
    user_claim_uri varchar(254),
    role_claim_uri varchar(254),
    description varchar(1024),
    default_authenticator_name varchar(254),
    default_pro_connector_name varchar(254),
    provisioning_role varchar(128),
    is_federation_hub char(1) DEFAULT '0'::bpchar NOT NULL,
    is_local_claim_dialect char(1) DEFAULT '0'::bpchar NOT NULL,
    display_name varchar(255),
    image_url varchar(1024),
    uuid char(36) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, name),
    UNIQUE (uuid)
);

CREATE TABLE idp_authenticator (
    id integer DEFAULT nextval('idp_authenticator_seq') NOT NULL,
    tenant_id integer,
    idp_id integer,
    name varchar(255) NOT NULL,
    is_enabled char(1) DEFAULT '1'::bpchar,
    display_name varchar(255),
    PRIMARY KEY (id),
    UNIQUE (tenant_id, idp_id, name)
);

CREATE TABLE idp_authenticator_property (
    id integer DEFAULT nextval('idp_authenticator_prop_seq') NOT NULL,
    tenant_id integer,
    authenticator_id integer,
    property_key varchar(255) NOT NULL,
    property_value varchar(2047),
    is_secret char(1) DEFAULT '0'::bpchar,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, authenticator_id, property_key)
);

CREATE TABLE idp_claim (
    id integer DEFAULT nextval('idp_claim_seq') NOT NULL,
    idp_id integer,
    tenant_id integer,
    claim varchar(254),
    PRIMARY KEY (id),
    UNIQUE (idp_id, claim)
);

CREATE TABLE idp_claim_mapping (
    id integer DEFAULT nextval('idp_claim_mapping_seq') NOT NULL,
    idp_claim_id integer,
    tenant_id integer,
    local_claim varchar(253),
    default_value varchar(255),
    is_requested varchar(128) DEFAULT '0'::character varying,
    PRIMARY KEY (id),
    UNIQUE (idp_claim_id, tenant_id, local_claim)
);

CREATE TABLE idp_local_claim (
    id integer DEFAULT nextval('idp_local_claim_seq') NOT NULL,
    tenant_id integer,
    idp_id integer,
    claim_uri varchar(255) NOT NULL,
    default_value varchar(255),
    is_requested varchar(128) DEFAULT '0'::character varying,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, idp_id, claim_uri)
);

CREATE TABLE idp_metadata (
    id integer DEFAULT nextval('idp_metadata_seq') NOT NULL,
    idp_id integer,
    name varchar(255) NOT NULL,
    value varchar(255) NOT NULL,
    display_name varchar(255),
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (id),
    UNIQUE (idp_id, name)
);

CREATE TABLE idp_prov_config_property (
    id integer DEFAULT nextval('idp_prov_config_prop_seq') NOT NULL,
    tenant_id integer,
    provisioning_config_id integer,
    property_key varchar(255) NOT NULL,
    property_value varchar(2048),
    property_blob_value bytea,
    property_type char(32) NOT NULL,
    is_secret char(1) DEFAULT '0'::bpchar,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, provisioning_config_id, property_key)
);

CREATE TABLE idp_provisioning_config (
    id integer DEFAULT nextval('idp_prov_config_seq') NOT NULL,
    tenant_id integer,
    idp_id integer,
    provisioning_connector_type varchar(255) NOT NULL,
    is_enabled char(1) DEFAULT '0'::bpchar,
    is_blocking char(1) DEFAULT '0'::bpchar,
    is_rules_enabled char(1) DEFAULT '0'::bpchar,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, idp_id, provisioning_connector_type)
);

CREATE TABLE idp_provisioning_entity (
    id integer DEFAULT nextval('idp_prov_entity_seq') NOT NULL,
    provisioning_config_id integer,
    entity_type varchar(255) NOT NULL,
    entity_local_userstore varchar(255) NOT NULL,
    entity_name varchar(255) NOT NULL,
    entity_value varchar(255),
    tenant_id integer,
    entity_local_id varchar(255),
    PRIMARY KEY (id),
    UNIQUE (entity_type, tenant_id, entity_local_userstore, entity_name, provisioning_config_id),
    UNIQUE (provisioning_config_id, entity_type, entity_value)
);

CREATE TABLE idp_role (
    id integer DEFAULT nextval('idp_role_seq') NOT NULL,
    idp_id integer,
    tenant_id integer,
    role varchar(254),
    PRIMARY KEY (id),
    UNIQUE (idp_id, role)
);

CREATE TABLE idp_role_mapping (
    id integer DEFAULT nextval('idp_role_mapping_seq') NOT NULL,
    idp_role_id integer,
    tenant_id integer,
    user_store_id varchar(253),
    local_role varchar(253),
    PRIMARY KEY (id),
    UNIQUE (idp_role_id, tenant_id, user_store_id, local_role)
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
    is_local_claim_dialect char(1) DEFAULT '1'::bpchar,
    is_send_local_subject_id char(1) DEFAULT '0'::bpchar,
    is_send_auth_list_of_idps char(1) DEFAULT '0'::bpchar,
    is_use_tenant_domain_subject char(1) DEFAULT '1'::bpchar,
    is_use_user_domain_subject char(1) DEFAULT '1'::bpchar,
    enable_authorization char(1) DEFAULT '0'::bpchar,
    subject_claim_uri varchar(512),
    is_saas_app char(1) DEFAULT '0'::bpchar,
    is_dumb_mode char(1) DEFAULT '0'::bpchar,
    uuid char(36),
    image_url varchar(1024),
    access_url varchar(1024),
    is_discoverable char(1) DEFAULT '0'::bpchar,
    PRIMARY KEY (id),
    UNIQUE (app_name, tenant_id),
    UNIQUE (uuid)
);

CREATE TABLE sp_auth_script (
    id integer DEFAULT nextval('sp_auth_script_seq') NOT NULL,
    tenant_id integer NOT NULL,
    app_id integer NOT NULL,
    type varchar(255) NOT NULL,
    content bytea,
    is_enabled char(1) DEFAULT '0'::bpchar NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE sp_auth_step (
    id integer DEFAULT nextval('sp_auth_step_seq') NOT NULL,
    tenant_id integer NOT NULL,
    step_order integer DEFAULT 1,
    app_id integer NOT NULL,
    is_subject_step char(1) DEFAULT '0'::bpchar,
    is_attribute_step char(1) DEFAULT '0'::bpchar,
    PRIMARY KEY (id)
);

CREATE TABLE sp_claim_dialect (
    id integer DEFAULT nextval('sp_claim_dialect_seq') NOT NULL,
    tenant_id integer NOT NULL,
    sp_dialect varchar(512) NOT NULL,
    app_id integer NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE sp_claim_mapping (
    id integer DEFAULT nextval('sp_claim_mapping_seq') NOT NULL,
    tenant_id integer NOT NULL,
    idp_claim varchar(512) NOT NULL,
    sp_claim varchar(512) NOT NULL,
    app_id integer NOT NULL,
    is_requested varchar(128) DEFAULT '0'::character varying,
    is_mandatory varchar(128) DEFAULT '0'::character varying,
    default_value varchar(255),
    PRIMARY KEY (id)
);

CREATE TABLE sp_federated_idp (
    id integer NOT NULL,
    tenant_id integer NOT NULL,
    authenticator_id integer NOT NULL,
    PRIMARY KEY (id, authenticator_id)
);

CREATE TABLE sp_inbound_auth (
    id integer DEFAULT nextval('sp_inbound_auth_seq') NOT NULL,
    tenant_id integer NOT NULL,
    inbound_auth_key varchar(255),
    inbound_auth_type varchar(255) NOT NULL,
    inbound_config_type varchar(255) NOT NULL,
    prop_name varchar(255),
    prop_value varchar(1024),
    app_id integer NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE sp_metadata (
    id integer DEFAULT nextval('sp_metadata_seq') NOT NULL,
    sp_id integer,
    name varchar(255) NOT NULL,
    value varchar(255) NOT NULL,
    display_name varchar(255),
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (id),
    UNIQUE (sp_id, name)
);

CREATE TABLE sp_provisioning_connector (
    id integer DEFAULT nextval('sp_prov_connector_seq') NOT NULL,
    tenant_id integer NOT NULL,
    idp_name varchar(255) NOT NULL,
    connector_name varchar(255) NOT NULL,
    app_id integer NOT NULL,
    is_jit_enabled char(1) DEFAULT '0'::bpchar NOT NULL,
    blocking char(1) DEFAULT '0'::bpchar NOT NULL,
    rule_enabled char(1) DEFAULT '0'::bpchar NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE sp_req_path_authenticator (
    id integer DEFAULT nextval('sp_req_path_auth_seq') NOT NULL,
    tenant_id integer NOT NULL,
    authenticator_name varchar(255) NOT NULL,
    app_id integer NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE sp_role_mapping (
    id integer DEFAULT nextval('sp_role_mapping_seq') NOT NULL,
    tenant_id integer NOT NULL,
    idp_role varchar(255) NOT NULL,
    sp_role varchar(255) NOT NULL,
    app_id integer NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE sp_shared_app (
    id integer DEFAULT nextval('sp_shared_app_pk_seq') NOT NULL,
    main_app_id char(36) NOT NULL,
    owner_org_id char(36) NOT NULL,
    shared_app_id char(36) NOT NULL,
    shared_org_id char(36) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (main_app_id, owner_org_id, shared_org_id),
    UNIQUE (shared_app_id)
);

CREATE TABLE sp_template (
    id integer DEFAULT nextval('sp_template_seq') NOT NULL,
    tenant_id integer NOT NULL,
    name varchar(255) NOT NULL,
    description varchar(1023),
    content bytea,
    PRIMARY KEY (id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE wf_bps_profile (
    profile_name varchar(45) NOT NULL,
    host_url_manager varchar(255),
    host_url_worker varchar(255),
    username varchar(100),
    password varchar(1023),
    callback_host varchar(45),
    tenant_id integer DEFAULT '-1'::integer NOT NULL,
    PRIMARY KEY (profile_name, tenant_id)
);

CREATE TABLE wf_request (
    uuid varchar(45) NOT NULL,
    created_by varchar(255),
    tenant_id integer DEFAULT '-1'::integer,
    operation_type varchar(50),
    created_at timestamp,
    updated_at timestamp,
    status varchar(30),
    request bytea,
    PRIMARY KEY (uuid)
);

CREATE TABLE wf_request_entity_relationship (
    request_id varchar(45) NOT NULL,
    entity_name varchar(255) NOT NULL,
    entity_type varchar(50) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer NOT NULL,
    PRIMARY KEY (request_id, entity_name, entity_type, tenant_id)
);

CREATE TABLE wf_workflow (
    id varchar(45) NOT NULL,
    wf_name varchar(45),
    description varchar(255),
    template_id varchar(45),
    impl_id varchar(45),
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (id)
);

CREATE TABLE wf_workflow_association (
    id integer DEFAULT nextval('wf_workflow_association_pk_seq') NOT NULL,
    assoc_name varchar(45),
    event_id varchar(45),
    assoc_condition varchar(2000),
    workflow_id varchar(45),
    is_enabled char(1) DEFAULT '1'::bpchar,
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (id)
);

CREATE TABLE wf_workflow_config_param (
    workflow_id varchar(45) NOT NULL,
    param_name varchar(45) NOT NULL,
    param_value varchar(1000),
    param_qname varchar(45) NOT NULL,
    param_holder varchar(45) NOT NULL,
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (workflow_id, param_name, param_qname, param_holder)
);

CREATE TABLE wf_workflow_request_relation (
    relationship_id varchar(45) NOT NULL,
    workflow_id varchar(45),
    request_id varchar(45),
    updated_at timestamp,
    status varchar(30),
    tenant_id integer DEFAULT '-1'::integer,
    PRIMARY KEY (relationship_id)
);

ALTER TABLE idn_oauth2_scope_validators ADD FOREIGN KEY (app_id) REFERENCES idn_oauth_consumer_apps(id) ON DELETE CASCADE;
ALTER TABLE idn_oauth1a_request_token ADD FOREIGN KEY (consumer_key_id) REFERENCES idn_oauth_consumer_apps(id) ON DELETE CASCADE;
ALTER TABLE idn_oauth1a_access_token ADD FOREIGN KEY (consumer_key_id) REFERENCES idn_oauth_consumer_apps(id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_access_token ADD FOREIGN KEY (consumer_key_id) REFERENCES idn_oauth_consumer_apps(id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_token_binding ADD FOREIGN KEY (token_id) REFERENCES idn_oauth2_access_token(token_id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_authorization_code ADD FOREIGN KEY (consumer_key_id) REFERENCES idn_oauth_consumer_apps(id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_authz_code_scope ADD FOREIGN KEY (code_id) REFERENCES idn_oauth2_authorization_code(code_id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_device_flow ADD FOREIGN KEY (consumer_key_id) REFERENCES idn_oauth_consumer_apps(id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_device_flow_scopes ADD FOREIGN KEY (scope_id) REFERENCES idn_oauth2_device_flow(code_id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_access_token_scope ADD FOREIGN KEY (token_id) REFERENCES idn_oauth2_access_token(token_id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_scope_binding ADD FOREIGN KEY (scope_id) REFERENCES idn_oauth2_scope(scope_id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_resource_scope ADD FOREIGN KEY (scope_id) REFERENCES idn_oauth2_scope(scope_id) ON DELETE CASCADE;
ALTER TABLE sp_metadata ADD FOREIGN KEY (sp_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE sp_inbound_auth ADD FOREIGN KEY (app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE sp_auth_step ADD FOREIGN KEY (app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE sp_federated_idp ADD FOREIGN KEY (id) REFERENCES sp_auth_step(id) ON DELETE CASCADE;
ALTER TABLE sp_claim_dialect ADD FOREIGN KEY (app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE sp_claim_mapping ADD FOREIGN KEY (app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE sp_role_mapping ADD FOREIGN KEY (app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE sp_req_path_authenticator ADD FOREIGN KEY (app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE sp_provisioning_connector ADD FOREIGN KEY (app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE idp_role ADD FOREIGN KEY (idp_id) REFERENCES idp(id) ON DELETE CASCADE;
ALTER TABLE idp_role_mapping ADD FOREIGN KEY (idp_role_id) REFERENCES idp_role(id) ON DELETE CASCADE;
ALTER TABLE idp_claim ADD FOREIGN KEY (idp_id) REFERENCES idp(id) ON DELETE CASCADE;
ALTER TABLE idp_claim_mapping ADD FOREIGN KEY (idp_claim_id) REFERENCES idp_claim(id) ON DELETE CASCADE;
ALTER TABLE idp_authenticator ADD FOREIGN KEY (idp_id) REFERENCES idp(id) ON DELETE CASCADE;
ALTER TABLE idp_metadata ADD FOREIGN KEY (idp_id) REFERENCES idp(id) ON DELETE CASCADE;
ALTER TABLE idp_authenticator_property ADD FOREIGN KEY (authenticator_id) REFERENCES idp_authenticator(id) ON DELETE CASCADE;
ALTER TABLE idp_provisioning_config ADD FOREIGN KEY (idp_id) REFERENCES idp(id) ON DELETE CASCADE;
ALTER TABLE idp_prov_config_property ADD FOREIGN KEY (provisioning_config_id) REFERENCES idp_provisioning_config(id) ON DELETE CASCADE;
ALTER TABLE idp_provisioning_entity ADD FOREIGN KEY (provisioning_config_id) REFERENCES idp_provisioning_config(id) ON DELETE CASCADE;
ALTER TABLE idp_local_claim ADD FOREIGN KEY (idp_id) REFERENCES idp(id) ON DELETE CASCADE;
ALTER TABLE idn_associated_id ADD FOREIGN KEY (idp_id) REFERENCES idp(id) ON DELETE CASCADE;
ALTER TABLE wf_workflow_association ADD FOREIGN KEY (workflow_id) REFERENCES wf_workflow(id) ON DELETE CASCADE;
ALTER TABLE wf_workflow_config_param ADD FOREIGN KEY (workflow_id) REFERENCES wf_workflow(id) ON DELETE CASCADE;
ALTER TABLE wf_request_entity_relationship ADD FOREIGN KEY (request_id) REFERENCES wf_request(uuid) ON DELETE CASCADE;
ALTER TABLE wf_workflow_request_relation ADD FOREIGN KEY (request_id) REFERENCES wf_request(uuid) ON DELETE CASCADE;
ALTER TABLE wf_workflow_request_relation ADD FOREIGN KEY (workflow_id) REFERENCES wf_workflow(id) ON DELETE CASCADE;
ALTER TABLE idn_claim ADD FOREIGN KEY (dialect_id) REFERENCES idn_claim_dialect(id) ON DELETE CASCADE;
ALTER TABLE idn_claim_mapped_attribute ADD FOREIGN KEY (local_claim_id) REFERENCES idn_claim(id) ON DELETE CASCADE;
ALTER TABLE idn_claim_property ADD FOREIGN KEY (local_claim_id) REFERENCES idn_claim(id) ON DELETE CASCADE;
ALTER TABLE idn_claim_mapping ADD FOREIGN KEY (ext_claim_id) REFERENCES idn_claim(id) ON DELETE CASCADE;
ALTER TABLE idn_claim_mapping ADD FOREIGN KEY (mapped_local_claim_id) REFERENCES idn_claim(id) ON DELETE CASCADE;
ALTER TABLE idn_oidc_property ADD FOREIGN KEY (consumer_key) REFERENCES idn_oauth_consumer_apps(consumer_key) ON DELETE CASCADE;
ALTER TABLE idn_oidc_req_object_reference ADD FOREIGN KEY (code_id) REFERENCES idn_oauth2_authorization_code(code_id) ON DELETE CASCADE;
ALTER TABLE idn_oidc_req_object_reference ADD FOREIGN KEY (consumer_key_id) REFERENCES idn_oauth_consumer_apps(id) ON DELETE CASCADE;
ALTER TABLE idn_oidc_req_object_reference ADD FOREIGN KEY (token_id) REFERENCES idn_oauth2_access_token(token_id) ON DELETE CASCADE;
ALTER TABLE idn_oidc_req_object_claims ADD FOREIGN KEY (req_object_id) REFERENCES idn_oidc_req_object_reference(id) ON DELETE CASCADE;
ALTER TABLE idn_oidc_req_obj_claim_values ADD FOREIGN KEY (req_object_claims_id) REFERENCES idn_oidc_req_object_claims(id) ON DELETE CASCADE;
ALTER TABLE idn_oidc_scope_claim_mapping ADD FOREIGN KEY (external_claim_id) REFERENCES idn_claim(id) ON DELETE CASCADE;
ALTER TABLE idn_oidc_scope_claim_mapping ADD FOREIGN KEY (scope_id) REFERENCES idn_oauth2_scope(scope_id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_ciba_auth_code ADD FOREIGN KEY (consumer_key) REFERENCES idn_oauth_consumer_apps(consumer_key) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_ciba_request_scopes ADD FOREIGN KEY (auth_code_key) REFERENCES idn_oauth2_ciba_auth_code(auth_code_key) ON DELETE CASCADE;
ALTER TABLE idn_config_resource ADD FOREIGN KEY (type_id) REFERENCES idn_config_type(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE idn_config_attribute ADD FOREIGN KEY (resource_id) REFERENCES idn_config_resource(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE idn_config_file ADD FOREIGN KEY (resource_id) REFERENCES idn_config_resource(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE idn_remote_fetch_revisions ADD FOREIGN KEY (config_id) REFERENCES idn_remote_fetch_config(id) ON DELETE CASCADE;
ALTER TABLE idn_cors_association ADD FOREIGN KEY (idn_cors_origin_id) REFERENCES idn_cors_origin(id) ON DELETE CASCADE;
ALTER TABLE idn_cors_association ADD FOREIGN KEY (sp_app_id) REFERENCES sp_app(id) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_user_consent ADD FOREIGN KEY (app_id) REFERENCES sp_app(uuid) ON DELETE CASCADE;
ALTER TABLE idn_oauth2_user_consented_scopes ADD FOREIGN KEY (consent_id) REFERENCES idn_oauth2_user_consent(consent_id) ON DELETE CASCADE;
ALTER TABLE idn_secret ADD FOREIGN KEY (type_id) REFERENCES idn_secret_type(id) ON DELETE CASCADE;
ALTER TABLE sp_shared_app ADD FOREIGN KEY (main_app_id) REFERENCES sp_app(uuid) ON DELETE CASCADE;
ALTER TABLE sp_shared_app ADD FOREIGN KEY (shared_app_id) REFERENCES sp_app(uuid) ON DELETE CASCADE;
ALTER TABLE idn_uma_resource_meta_data ADD FOREIGN KEY (resource_identity) REFERENCES idn_uma_resource(id) ON DELETE CASCADE;
ALTER TABLE idn_uma_resource_scope ADD FOREIGN KEY (resource_identity) REFERENCES idn_uma_resource(id) ON DELETE CASCADE;
ALTER TABLE idn_uma_pt_resource ADD FOREIGN KEY (pt_id) REFERENCES idn_uma_permission_ticket(id) ON DELETE CASCADE;
ALTER TABLE idn_uma_pt_resource ADD FOREIGN KEY (pt_resource_id) REFERENCES idn_uma_resource(id) ON DELETE CASCADE;
ALTER TABLE idn_uma_pt_resource_scope ADD FOREIGN KEY (pt_resource_id) REFERENCES idn_uma_pt_resource(id) ON DELETE CASCADE;
ALTER TABLE idn_uma_pt_resource_scope ADD FOREIGN KEY (pt_scope_id) REFERENCES idn_uma_resource_scope(id) ON DELETE CASCADE;
ALTER TABLE cm_receipt_sp_assoc ADD FOREIGN KEY (consent_receipt_id) REFERENCES cm_receipt(consent_receipt_id);
ALTER TABLE cm_sp_purpose_assoc ADD FOREIGN KEY (purpose_id) REFERENCES cm_purpose(id);
ALTER TABLE cm_sp_purpose_assoc ADD FOREIGN KEY (receipt_sp_assoc) REFERENCES cm_receipt_sp_assoc(id);
ALTER TABLE cm_sp_purpose_purpose_cat_assc ADD FOREIGN KEY (purpose_category_id) REFERENCES cm_purpose_category(id);
ALTER TABLE cm_sp_purpose_purpose_cat_assc ADD FOREIGN KEY (sp_purpose_assoc_id) REFERENCES cm_sp_purpose_assoc(id);
ALTER TABLE cm_sp_purpose_pii_cat_assoc ADD FOREIGN KEY (pii_category_id) REFERENCES cm_pii_category(id);
ALTER TABLE cm_sp_purpose_pii_cat_assoc ADD FOREIGN KEY (sp_purpose_assoc_id) REFERENCES cm_sp_purpose_assoc(id);
ALTER TABLE cm_consent_receipt_property ADD FOREIGN KEY (consent_receipt_id) REFERENCES cm_receipt(consent_receipt_id);
ALTER TABLE am_application ADD FOREIGN KEY (subscriber_id) REFERENCES am_subscriber(subscriber_id) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE am_api_endpoints ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_primary_ep_mapping ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_sequence_backend ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE am_graphql_complexity ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_api_resource_scope_mapping ADD FOREIGN KEY (url_mapping_id) REFERENCES am_api_url_mapping(url_mapping_id) ON DELETE CASCADE;
ALTER TABLE am_security_audit_uuid_mapping ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_api_product_mapping ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON DELETE CASCADE;
ALTER TABLE am_api_product_mapping ADD FOREIGN KEY (url_mapping_id) REFERENCES am_api_url_mapping(url_mapping_id) ON DELETE CASCADE;
ALTER TABLE am_subscription ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_subscription ADD FOREIGN KEY (application_id) REFERENCES am_application(application_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_application_key_mapping ADD FOREIGN KEY (application_id) REFERENCES am_application(application_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_application_registration ADD FOREIGN KEY (app_id) REFERENCES am_application(application_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_application_registration ADD FOREIGN KEY (subscriber_id) REFERENCES am_subscriber(subscriber_id) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE am_api_lc_event ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_api_comments ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON DELETE CASCADE;
ALTER TABLE am_api_comments ADD FOREIGN KEY (parent_comment_id) REFERENCES am_api_comments(comment_id);
ALTER TABLE am_api_ratings ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_api_ratings ADD FOREIGN KEY (subscriber_id) REFERENCES am_subscriber(subscriber_id) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE am_external_stores ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE am_condition_group ADD FOREIGN KEY (policy_id) REFERENCES am_api_throttle_policy(policy_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_query_parameter_condition ADD FOREIGN KEY (condition_group_id) REFERENCES am_condition_group(condition_group_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_header_field_condition ADD FOREIGN KEY (condition_group_id) REFERENCES am_condition_group(condition_group_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_jwt_claim_condition ADD FOREIGN KEY (condition_group_id) REFERENCES am_condition_group(condition_group_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_ip_condition ADD FOREIGN KEY (condition_group_id) REFERENCES am_condition_group(condition_group_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_api_client_certificate ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON DELETE CASCADE;
ALTER TABLE am_application_group_mapping ADD FOREIGN KEY (application_id) REFERENCES am_application(application_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_application_attributes ADD FOREIGN KEY (application_id) REFERENCES am_application(application_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_key_manager_permissions ADD FOREIGN KEY (key_manager_uuid) REFERENCES am_key_manager(uuid) ON DELETE CASCADE;
ALTER TABLE am_key_manager_allowed_orgs ADD FOREIGN KEY (key_manager_uuid) REFERENCES am_key_manager(uuid) ON DELETE CASCADE;
ALTER TABLE am_gw_api_artifacts ADD FOREIGN KEY (api_id) REFERENCES am_gw_published_api_details(api_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_gw_api_deployments ADD FOREIGN KEY (api_id) REFERENCES am_gw_published_api_details(api_id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_scope_binding ADD FOREIGN KEY (scope_id) REFERENCES am_scope(scope_id) ON DELETE CASCADE;
ALTER TABLE am_revision ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_revision_metadata ADD FOREIGN KEY (revision_uuid) REFERENCES am_revision(revision_uuid) ON DELETE CASCADE;
ALTER TABLE am_deployment_revision_mapping ADD FOREIGN KEY (revision_uuid) REFERENCES am_revision(revision_uuid) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_deployed_revision ADD FOREIGN KEY (revision_uuid) REFERENCES am_revision(revision_uuid) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_gateway_permissions ADD FOREIGN KEY (gateway_uuid) REFERENCES am_gateway_environment(uuid) ON DELETE CASCADE;
ALTER TABLE am_gw_vhost ADD FOREIGN KEY (gateway_env_id) REFERENCES am_gateway_environment(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_api_external_api_mapping ADD FOREIGN KEY (api_id) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_external_api_mapping ADD FOREIGN KEY (gateway_env_id) REFERENCES am_gateway_environment(uuid);
ALTER TABLE am_api_service_mapping ADD FOREIGN KEY (api_id) REFERENCES am_api(api_id) ON DELETE CASCADE;
ALTER TABLE am_api_environment_keys ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE am_operation_policy_definition ADD FOREIGN KEY (policy_uuid) REFERENCES am_operation_policy(policy_uuid) ON DELETE CASCADE;
ALTER TABLE am_common_operation_policy ADD FOREIGN KEY (policy_uuid) REFERENCES am_operation_policy(policy_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_operation_policy ADD FOREIGN KEY (policy_uuid) REFERENCES am_operation_policy(policy_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_operation_policy_mapping ADD FOREIGN KEY (policy_uuid) REFERENCES am_operation_policy(policy_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_operation_policy_mapping ADD FOREIGN KEY (url_mapping_id) REFERENCES am_api_url_mapping(url_mapping_id) ON DELETE CASCADE;
ALTER TABLE am_api_policy_mapping ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE am_api_policy_mapping ADD FOREIGN KEY (policy_uuid) REFERENCES am_operation_policy(policy_uuid) ON DELETE CASCADE;
ALTER TABLE am_gateway_policy_mapping ADD FOREIGN KEY (global_policy_mapping_uuid) REFERENCES am_gateway_policy_metadata(global_policy_mapping_uuid) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE am_gateway_policy_mapping ADD FOREIGN KEY (policy_uuid) REFERENCES am_operation_policy(policy_uuid) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE am_gateway_policy_deployment ADD FOREIGN KEY (global_policy_mapping_uuid) REFERENCES am_gateway_policy_metadata(global_policy_mapping_uuid) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE am_correlation_properties ADD FOREIGN KEY (component_name) REFERENCES am_correlation_configs(component_name) ON DELETE CASCADE;
ALTER TABLE am_api_ai_configuration ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid);
ALTER TABLE am_api_ai_configuration ADD FOREIGN KEY (llm_provider_uuid) REFERENCES am_llm_provider(uuid);
ALTER TABLE am_llm_provider_model ADD FOREIGN KEY (llm_provider_uuid) REFERENCES am_llm_provider(uuid);
ALTER TABLE am_api_label_mapping ADD FOREIGN KEY (api_uuid) REFERENCES am_api(api_uuid) ON DELETE CASCADE;
ALTER TABLE gov_ruleset_content ADD FOREIGN KEY (ruleset_id) REFERENCES gov_ruleset(ruleset_id);
ALTER TABLE gov_ruleset_rule ADD FOREIGN KEY (ruleset_id) REFERENCES gov_ruleset(ruleset_id);
ALTER TABLE gov_policy_label ADD FOREIGN KEY (policy_id) REFERENCES gov_policy(policy_id);
ALTER TABLE gov_policy_governable_state ADD FOREIGN KEY (policy_id) REFERENCES gov_policy(policy_id);
ALTER TABLE gov_policy_action ADD FOREIGN KEY (policy_id, state) REFERENCES gov_policy_governable_state(policy_id, state);
ALTER TABLE gov_policy_ruleset ADD FOREIGN KEY (policy_id) REFERENCES gov_policy(policy_id);
ALTER TABLE gov_policy_ruleset ADD FOREIGN KEY (ruleset_id) REFERENCES gov_ruleset(ruleset_id);
ALTER TABLE gov_request_policy ADD FOREIGN KEY (policy_id) REFERENCES gov_policy(policy_id);
ALTER TABLE gov_request_policy ADD FOREIGN KEY (req_id) REFERENCES gov_request(req_id);
ALTER TABLE gov_policy_run ADD FOREIGN KEY (artifact_key) REFERENCES gov_artifact(artifact_key);
ALTER TABLE gov_policy_run ADD FOREIGN KEY (policy_id) REFERENCES gov_policy(policy_id);
ALTER TABLE gov_ruleset_run ADD FOREIGN KEY (artifact_key) REFERENCES gov_artifact(artifact_key);
ALTER TABLE gov_ruleset_run ADD FOREIGN KEY (ruleset_id) REFERENCES gov_ruleset(ruleset_id);
ALTER TABLE gov_rule_violation ADD FOREIGN KEY (ruleset_id, rule_name) REFERENCES gov_ruleset_rule(ruleset_id, rule_name);
ALTER TABLE gov_rule_violation ADD FOREIGN KEY (ruleset_run_id) REFERENCES gov_ruleset_run(ruleset_run_id);

CREATE INDEX idx_at_ck_au_lo ON idn_oauth2_access_token (consumer_key_id, lower(authz_user), token_state, user_type);
CREATE INDEX idx_at_ti_ud_lo ON idn_oauth2_access_token (lower(authz_user), tenant_id, token_state, user_domain);
CREATE INDEX idx_at_ath ON idn_oauth2_access_token (access_token_hash);
CREATE INDEX idx_sub_uid_lo ON am_subscriber (lower(user_id));
CREATE INDEX idx_api_url_mapping_api_id ON am_api_url_mapping (api_id);

CREATE FUNCTION update_modified_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.time_stamp = now();
    RETURN NEW;
END
$$;
CREATE TRIGGER time_stamp AFTER UPDATE ON am_gw_api_artifacts
    FOR EACH ROW EXECUTE FUNCTION update_modified_column();
