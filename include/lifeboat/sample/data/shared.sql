-- shared_db: registry (REG_*) and user management (UM_*).
-- Tables, columns, keys and sequences as WSO2 API Manager 4.5 (Apache License 2.0) makes them in PostgreSQL.
-- Sequences are not owned by their columns, as in the product; a few columns are SERIAL.

CREATE SEQUENCE reg_association_pk_seq;
CREATE SEQUENCE reg_comment_pk_seq;
CREATE SEQUENCE reg_content_pk_seq;
CREATE SEQUENCE reg_log_pk_seq;
CREATE SEQUENCE reg_path_pk_seq;
CREATE SEQUENCE reg_property_pk_seq;
CREATE SEQUENCE reg_rating_pk_seq;
CREATE SEQUENCE reg_resource_comment_pk_seq;
CREATE SEQUENCE reg_resource_pk_seq;
CREATE SEQUENCE reg_resource_property_pk_seq;
CREATE SEQUENCE reg_resource_rating_pk_seq;
CREATE SEQUENCE reg_resource_tag_pk_seq;
CREATE SEQUENCE reg_snapshot_pk_seq;
CREATE SEQUENCE reg_tag_pk_seq;
CREATE SEQUENCE um_account_mapping_seq;
CREATE SEQUENCE um_claim_behavior_pk_seq;
CREATE SEQUENCE um_claim_pk_seq;
CREATE SEQUENCE um_dialect_pk_seq;
CREATE SEQUENCE um_domain_pk_seq;
CREATE SEQUENCE um_group_uuid_domain_mapper_pk_seq;
CREATE SEQUENCE um_hybrid_group_role_pk_seq;
CREATE SEQUENCE um_hybrid_remember_me_pk_seq;
CREATE SEQUENCE um_hybrid_role_pk_seq;
CREATE SEQUENCE um_hybrid_user_role_pk_seq;
CREATE SEQUENCE um_module_pk_seq;
CREATE SEQUENCE um_org_attribute_pk_seq;
CREATE SEQUENCE um_org_permission_pk_seq;
CREATE SEQUENCE um_permission_pk_seq;
CREATE SEQUENCE um_profile_config_pk_seq;
CREATE SEQUENCE um_role_permission_pk_seq;
CREATE SEQUENCE um_role_pk_seq;
CREATE SEQUENCE um_shared_user_role_pk_seq;
CREATE SEQUENCE um_system_role_pk_seq;
CREATE SEQUENCE um_system_user_pk_seq;
CREATE SEQUENCE um_system_user_role_pk_seq;
CREATE SEQUENCE um_tenant_pk_seq;
CREATE SEQUENCE um_user_attribute_pk_seq;
CREATE SEQUENCE um_user_permission_pk_seq;
CREATE SEQUENCE um_user_pk_seq;
CREATE SEQUENCE um_user_role_pk_seq;
CREATE SEQUENCE um_uuid_domain_mapper_pk_seq;

CREATE TABLE reg_association (
    reg_association_id integer DEFAULT nextval('reg_association_pk_seq') NOT NULL,
    reg_sourcepath varchar(2000) NOT NULL,
    reg_targetpath varchar(2000) NOT NULL,
    reg_association_type varchar(2000) NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_association_id, reg_tenant_id)
);

CREATE TABLE reg_cluster_lock (
    reg_lock_name varchar(20) NOT NULL,
    reg_lock_status varchar(20),
    reg_locked_time timestamp,
    reg_tenant_id integer DEFAULT 0,
    PRIMARY KEY (reg_lock_name)
);

CREATE TABLE reg_comment (
    reg_id integer DEFAULT nextval('reg_comment_pk_seq') NOT NULL,
    reg_comment_text varchar(500) NOT NULL,
    reg_user_id varchar(255) NOT NULL,
    reg_commented_time timestamp NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
);

CREATE TABLE reg_content (
    reg_content_id integer DEFAULT nextval('reg_content_pk_seq') NOT NULL,
    reg_content_data bytea,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_content_id, reg_tenant_id)
);

CREATE TABLE reg_content_history (
    reg_content_id integer NOT NULL,
    reg_content_data bytea,
    reg_deleted smallint,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_content_id, reg_tenant_id)
);

CREATE TABLE reg_log (
    reg_log_id integer DEFAULT nextval('reg_log_pk_seq') NOT NULL,
    reg_path varchar(2000),
    reg_user_id varchar(255) NOT NULL,
    reg_logged_time timestamp NOT NULL,
    reg_action integer NOT NULL,
    reg_action_data varchar(500),
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_log_id, reg_tenant_id)
);

CREATE TABLE reg_path (
    reg_path_id integer DEFAULT nextval('reg_path_pk_seq') NOT NULL,
    reg_path_value varchar(2000) NOT NULL,
    reg_path_parent_id integer,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_path_id, reg_tenant_id),
    UNIQUE (reg_path_value, reg_tenant_id)
);

CREATE TABLE reg_property (
    reg_id integer DEFAULT nextval('reg_property_pk_seq') NOT NULL,
    reg_name varchar(100) NOT NULL,
    reg_value varchar(1000),
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
);

CREATE TABLE reg_rating (
    reg_id integer DEFAULT nextval('reg_rating_pk_seq') NOT NULL,
    reg_rating integer NOT NULL,
    reg_user_id varchar(255) NOT NULL,
    reg_rated_time timestamp NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
);

CREATE TABLE reg_resource (
    reg_path_id integer NOT NULL,
    reg_name varchar(256),
    reg_version integer DEFAULT nextval('reg_resource_pk_seq') NOT NULL,
    reg_media_type varchar(500),
    reg_creator varchar(255) NOT NULL,
    reg_created_time timestamp NOT NULL,
    reg_last_updator varchar(255),
    reg_last_updated_time timestamp NOT NULL,
    reg_description varchar(1000),
    reg_content_id integer,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    reg_uuid varchar(100) NOT NULL,
    PRIMARY KEY (reg_version, reg_tenant_id)
);

CREATE TABLE reg_resource_comment (
    id integer DEFAULT nextval('reg_resource_comment_pk_seq') NOT NULL,
    reg_comment_id integer NOT NULL,
    reg_version integer,
    reg_path_id integer,
    reg_resource_name varchar(256),
    reg_tenant_id integer DEFAULT 0,
    PRIMARY KEY (id)
);

CREATE TABLE reg_resource_history (
    reg_path_id integer NOT NULL,
    reg_name varchar(256),
    reg_version integer NOT NULL,
    reg_media_type varchar(500),
    reg_creator varchar(255) NOT NULL,
    reg_created_time timestamp NOT NULL,
    reg_last_updator varchar(255),
    reg_last_updated_time timestamp NOT NULL,
    reg_description varchar(1000),
    reg_content_id integer,
    reg_deleted smallint,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    reg_uuid varchar(100) NOT NULL,
    PRIMARY KEY (reg_version, reg_tenant_id)
);

CREATE TABLE reg_resource_property (
    id integer DEFAULT nextval('reg_resource_property_pk_seq') NOT NULL,
    reg_property_id integer NOT NULL,
    reg_version integer,
    reg_path_id integer,
    reg_resource_name varchar(256),
    reg_tenant_id integer DEFAULT 0,
    PRIMARY KEY (id)
);

CREATE TABLE reg_resource_rating (
    id integer DEFAULT nextval('reg_resource_rating_pk_seq') NOT NULL,
    reg_rating_id integer NOT NULL,
    reg_version integer,
    reg_path_id integer,
    reg_resource_name varchar(256),
    reg_tenant_id integer DEFAULT 0,
    PRIMARY KEY (id)
);

CREATE TABLE reg_resource_tag (
    id integer DEFAULT nextval('reg_resource_tag_pk_seq') NOT NULL,
    reg_tag_id integer NOT NULL,
    reg_version integer,
    reg_path_id integer,
    reg_resource_name varchar(256),
    reg_tenant_id integer DEFAULT 0,
    PRIMARY KEY (id)
);

CREATE TABLE reg_snapshot (
    reg_snapshot_id integer DEFAULT nextval('reg_snapshot_pk_seq') NOT NULL,
    reg_path_id integer NOT NULL,
    reg_resource_name varchar(255),
    reg_resource_vids bytea NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_snapshot_id, reg_tenant_id)
);

CREATE TABLE reg_tag (
    reg_id integer DEFAULT nextval('reg_tag_pk_seq') NOT NULL,
    reg_tag_name varchar(500) NOT NULL,
    reg_user_id varchar(255) NOT NULL,
    reg_tagged_time timestamp NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
);

CREATE TABLE um_account_mapping (
    um_id integer DEFAULT nextval('um_account_mapping_seq') NOT NULL,
    um_user_name varchar(255) NOT NULL,
    um_tenant_id integer NOT NULL,
    um_user_store_domain varchar(100),
    um_acc_link_id integer NOT NULL,
    PRIMARY KEY (um_id),
    UNIQUE (um_user_name, um_tenant_id, um_user_store_domain, um_acc_link_id)
);

CREATE TABLE um_claim (
    um_id integer DEFAULT nextval('um_claim_pk_seq') NOT NULL,
    um_dialect_id integer NOT NULL,
    um_claim_uri varchar(255) NOT NULL,
    um_display_tag varchar(255),
    um_description varchar(255),
    um_mapped_attribute_domain varchar(255),
    um_mapped_attribute varchar(255),
    um_reg_ex varchar(255),
    um_supported smallint,
    um_required smallint,
    um_display_order integer,
    um_checked_attribute smallint,
    um_read_only smallint,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_dialect_id, um_claim_uri, um_tenant_id)
);

CREATE TABLE um_claim_behavior (
    um_id integer DEFAULT nextval('um_claim_behavior_pk_seq') NOT NULL,
    um_profile_id integer,
    um_claim_id integer,
    um_behaviour smallint,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id)
);

CREATE TABLE um_dialect (
    um_id integer DEFAULT nextval('um_dialect_pk_seq') NOT NULL,
    um_dialect_uri varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_dialect_uri, um_tenant_id)
);

CREATE TABLE um_domain (
    um_domain_id integer DEFAULT nextval('um_domain_pk_seq') NOT NULL,
    um_domain_name varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_domain_id, um_tenant_id),
    UNIQUE (um_domain_name, um_tenant_id)
);

CREATE TABLE um_group_uuid_domain_mapper (
    um_id integer DEFAULT nextval('um_hybrid_remember_me_pk_seq') NOT NULL,
    um_group_id varchar(255) NOT NULL,
    um_domain_id integer NOT NULL,
    um_tenant_id integer DEFAULT 0,
    PRIMARY KEY (um_id),
    UNIQUE (um_group_id)
);

CREATE TABLE um_hybrid_group_role (
    um_id integer DEFAULT nextval('um_hybrid_group_role_pk_seq') NOT NULL,
    um_group_name varchar(255),
    um_role_id integer NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    um_domain_id integer,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_group_name, um_role_id, um_tenant_id, um_domain_id)
);

CREATE TABLE um_hybrid_remember_me (
    um_id integer DEFAULT nextval('um_hybrid_remember_me_pk_seq') NOT NULL,
    um_user_name varchar(255) NOT NULL,
    um_cookie_value varchar(1024),
    um_created_time timestamp,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id)
);

CREATE TABLE um_hybrid_role (
    um_id integer DEFAULT nextval('um_hybrid_role_pk_seq') NOT NULL,
    um_role_name varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_role_name, um_tenant_id)
);

CREATE TABLE um_hybrid_user_role (
    um_id integer DEFAULT nextval('um_hybrid_user_role_pk_seq') NOT NULL,
    um_user_name varchar(255),
    um_role_id integer NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    um_domain_id integer,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_user_name, um_role_id, um_tenant_id, um_domain_id)
);

CREATE TABLE um_module (
    um_id integer DEFAULT nextval('um_module_pk_seq') NOT NULL,
    um_module_name varchar(100),
    PRIMARY KEY (um_id),
    UNIQUE (um_module_name)
);

CREATE TABLE um_module_actions (
    um_action varchar(255) NOT NULL,
    um_module_id integer NOT NULL,
    PRIMARY KEY (um_action, um_module_id)
);

CREATE TABLE um_org (
    um_id varchar(36) NOT NULL,
    um_org_name varchar(255) NOT NULL,
    um_org_description varchar(1024),
    um_created_time timestamp NOT NULL,
    um_last_modified timestamp NOT NULL,
    um_status varchar(255) DEFAULT 'ACTIVE'::character varying NOT NULL,
    um_parent_id varchar(36),
    um_org_type varchar(100) NOT NULL,
    PRIMARY KEY (um_id)
);

CREATE TABLE um_org_attribute (
    um_id integer DEFAULT nextval('um_org_attribute_pk_seq') NOT NULL,
    um_org_id varchar(36) NOT NULL,
    um_attribute_key varchar(255) NOT NULL,
    um_attribute_value varchar(512),
    PRIMARY KEY (um_id),
    UNIQUE (um_org_id, um_attribute_key)
);

CREATE TABLE um_org_hierarchy (
    um_parent_id varchar(36) NOT NULL,
    um_id varchar(36) NOT NULL,
    depth integer,
    PRIMARY KEY (um_parent_id, um_id)
);

CREATE TABLE um_org_permission (
    um_id integer DEFAULT nextval('um_org_permission_pk_seq') NOT NULL,
    um_resource_id varchar(255) NOT NULL,
    um_action varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0,
    PRIMARY KEY (um_id)
);

CREATE TABLE um_org_role (
    um_role_id varchar(255) NOT NULL,
    um_role_name varchar(255) NOT NULL,
    um_org_id varchar(36) NOT NULL,
    PRIMARY KEY (um_role_id)
);

CREATE TABLE um_org_role_group (
    um_group_id varchar(255) NOT NULL,
    um_role_id varchar(255) NOT NULL
);

CREATE TABLE um_org_role_permission (
    um_permission_id integer NOT NULL,
    um_role_id varchar(255) NOT NULL
);

CREATE TABLE um_org_role_user (
    um_user_id varchar(255) NOT NULL,
    um_role_id varchar(255) NOT NULL
);

CREATE TABLE um_permission (
    um_id integer DEFAULT nextval('um_permission_pk_seq') NOT NULL,
    um_resource_id varchar(255) NOT NULL,
    um_action varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    um_module_id integer DEFAULT 0,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_resource_id, um_action, um_tenant_id)
);

CREATE TABLE um_profile_config (
    um_id integer DEFAULT nextval('um_profile_config_pk_seq') NOT NULL,
    um_dialect_id integer NOT NULL,
    um_profile_name varchar(255),
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id)
);

CREATE TABLE um_role (
    um_id integer DEFAULT nextval('um_role_pk_seq') NOT NULL,
    um_role_name varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    um_shared_role boolean DEFAULT false,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_role_name, um_tenant_id)
);

CREATE TABLE um_role_permission (
    um_id integer DEFAULT nextval('um_role_permission_pk_seq') NOT NULL,
    um_permission_id integer NOT NULL,
    um_role_name varchar(255) NOT NULL,
    um_is_allowed smallint NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    um_domain_id integer,
    PRIMARY KEY (um_id, um_tenant_id)
);

CREATE TABLE um_shared_user_role (
    id integer DEFAULT nextval('um_shared_user_role_pk_seq') NOT NULL,
    um_role_id integer NOT NULL,
    um_user_id integer NOT NULL,
    um_user_tenant_id integer NOT NULL,
    um_role_tenant_id integer NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (um_user_id, um_role_id, um_user_tenant_id, um_role_tenant_id)
);

CREATE TABLE um_system_role (
    um_id integer DEFAULT nextval('um_system_role_pk_seq') NOT NULL,
    um_role_name varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_role_name, um_tenant_id)
);

CREATE TABLE um_system_user (
    um_id integer DEFAULT nextval('um_system_user_pk_seq') NOT NULL,
    um_user_name varchar(255) NOT NULL,
    um_user_password varchar(255) NOT NULL,
    um_salt_value varchar(31),
    um_require_change boolean DEFAULT false,
    um_changed_time timestamp NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_user_name, um_tenant_id)
);

CREATE TABLE um_system_user_role (
    um_id integer DEFAULT nextval('um_system_user_role_pk_seq') NOT NULL,
    um_user_name varchar(255),
    um_role_id integer NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_user_name, um_role_id, um_tenant_id)
);

CREATE TABLE um_tenant (
    um_id integer DEFAULT nextval('um_tenant_pk_seq') NOT NULL,
    um_tenant_uuid varchar(36) NOT NULL,
    um_domain_name varchar(255) NOT NULL,
    um_email varchar(255),
    um_active boolean DEFAULT false,
    um_created_date timestamp NOT NULL,
    um_user_config bytea,
    um_org_uuid varchar(36) DEFAULT NULL::character varying,
    PRIMARY KEY (um_id),
    UNIQUE (um_domain_name),
    UNIQUE (um_tenant_uuid)
);

CREATE TABLE um_user (
    um_id integer DEFAULT nextval('um_user_pk_seq') NOT NULL,
    um_user_id varchar(255) NOT NULL,
    um_user_name varchar(255) NOT NULL,
    um_user_password varchar(255) NOT NULL,
    um_salt_value varchar(31),
    um_require_change boolean DEFAULT false,
    um_changed_time timestamp NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_user_id),
    UNIQUE (um_user_name, um_tenant_id)
);

CREATE TABLE um_user_attribute (
    um_id integer DEFAULT nextval('um_user_attribute_pk_seq') NOT NULL,
    um_attr_name varchar(255) NOT NULL,
    um_attr_value varchar(1024),
    um_profile_id varchar(255),
    um_user_id integer,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id)
);

CREATE TABLE um_user_permission (
    um_id integer DEFAULT nextval('um_user_permission_pk_seq') NOT NULL,
    um_permission_id integer NOT NULL,
    um_user_name varchar(255) NOT NULL,
    um_is_allowed smallint NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id)
);

CREATE TABLE um_user_role (
    um_id integer DEFAULT nextval('um_user_role_pk_seq') NOT NULL,
    um_role_id integer NOT NULL,
    um_user_id integer NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_user_id, um_role_id, um_tenant_id)
);

CREATE TABLE um_uuid_domain_mapper (
    um_id integer DEFAULT nextval('um_hybrid_remember_me_pk_seq') NOT NULL,
    um_user_id varchar(255) NOT NULL,
    um_domain_id integer NOT NULL,
    um_tenant_id integer DEFAULT 0,
    PRIMARY KEY (um_id),
    UNIQUE (um_user_id)
);

ALTER TABLE reg_resource ADD FOREIGN KEY (reg_content_id, reg_tenant_id) REFERENCES reg_content(reg_content_id, reg_tenant_id);
ALTER TABLE reg_resource ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_history ADD FOREIGN KEY (reg_content_id, reg_tenant_id) REFERENCES reg_content_history(reg_content_id, reg_tenant_id);
ALTER TABLE reg_resource_history ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_comment ADD FOREIGN KEY (reg_comment_id, reg_tenant_id) REFERENCES reg_comment(reg_id, reg_tenant_id);
ALTER TABLE reg_resource_comment ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_rating ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_rating ADD FOREIGN KEY (reg_rating_id, reg_tenant_id) REFERENCES reg_rating(reg_id, reg_tenant_id);
ALTER TABLE reg_resource_tag ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_tag ADD FOREIGN KEY (reg_tag_id, reg_tenant_id) REFERENCES reg_tag(reg_id, reg_tenant_id);
ALTER TABLE reg_resource_property ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_property ADD FOREIGN KEY (reg_property_id, reg_tenant_id) REFERENCES reg_property(reg_id, reg_tenant_id);
ALTER TABLE reg_snapshot ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE um_module_actions ADD FOREIGN KEY (um_module_id) REFERENCES um_module(um_id) ON DELETE CASCADE;
ALTER TABLE um_role_permission ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_role_permission ADD FOREIGN KEY (um_permission_id, um_tenant_id) REFERENCES um_permission(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_user_permission ADD FOREIGN KEY (um_permission_id, um_tenant_id) REFERENCES um_permission(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_user_role ADD FOREIGN KEY (um_role_id, um_tenant_id) REFERENCES um_role(um_id, um_tenant_id);
ALTER TABLE um_user_role ADD FOREIGN KEY (um_user_id, um_tenant_id) REFERENCES um_user(um_id, um_tenant_id);
ALTER TABLE um_shared_user_role ADD FOREIGN KEY (um_role_id, um_role_tenant_id) REFERENCES um_role(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_shared_user_role ADD FOREIGN KEY (um_user_id, um_user_tenant_id) REFERENCES um_user(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_account_mapping ADD FOREIGN KEY (um_tenant_id) REFERENCES um_tenant(um_id) ON DELETE CASCADE;
ALTER TABLE um_user_attribute ADD FOREIGN KEY (um_user_id, um_tenant_id) REFERENCES um_user(um_id, um_tenant_id);
ALTER TABLE um_claim ADD FOREIGN KEY (um_dialect_id, um_tenant_id) REFERENCES um_dialect(um_id, um_tenant_id);
ALTER TABLE um_profile_config ADD FOREIGN KEY (um_dialect_id, um_tenant_id) REFERENCES um_dialect(um_id, um_tenant_id);
ALTER TABLE um_claim_behavior ADD FOREIGN KEY (um_claim_id, um_tenant_id) REFERENCES um_claim(um_id, um_tenant_id);
ALTER TABLE um_claim_behavior ADD FOREIGN KEY (um_profile_id, um_tenant_id) REFERENCES um_profile_config(um_id, um_tenant_id);
ALTER TABLE um_hybrid_user_role ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_hybrid_user_role ADD FOREIGN KEY (um_role_id, um_tenant_id) REFERENCES um_hybrid_role(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_hybrid_group_role ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_hybrid_group_role ADD FOREIGN KEY (um_role_id, um_tenant_id) REFERENCES um_hybrid_role(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_system_user_role ADD FOREIGN KEY (um_role_id, um_tenant_id) REFERENCES um_system_role(um_id, um_tenant_id);
ALTER TABLE um_uuid_domain_mapper ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_group_uuid_domain_mapper ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_org ADD FOREIGN KEY (um_parent_id) REFERENCES um_org(um_id) ON DELETE CASCADE;
ALTER TABLE um_org_attribute ADD FOREIGN KEY (um_org_id) REFERENCES um_org(um_id) ON DELETE CASCADE;
ALTER TABLE um_org_role ADD FOREIGN KEY (um_org_id) REFERENCES um_org(um_id) ON DELETE CASCADE;
ALTER TABLE um_org_role_user ADD FOREIGN KEY (um_role_id) REFERENCES um_org_role(um_role_id) ON DELETE CASCADE;
ALTER TABLE um_org_role_group ADD FOREIGN KEY (um_role_id) REFERENCES um_org_role(um_role_id) ON DELETE CASCADE;
ALTER TABLE um_org_role_permission ADD FOREIGN KEY (um_permission_id) REFERENCES um_org_permission(um_id) ON DELETE CASCADE;
ALTER TABLE um_org_role_permission ADD FOREIGN KEY (um_role_id) REFERENCES um_org_role(um_role_id) ON DELETE CASCADE;
ALTER TABLE um_org_hierarchy ADD FOREIGN KEY (um_id) REFERENCES um_org(um_id) ON DELETE CASCADE;
ALTER TABLE um_org_hierarchy ADD FOREIGN KEY (um_parent_id) REFERENCES um_org(um_id) ON DELETE CASCADE;

CREATE INDEX reg_log_ind_by_reg_logtime ON reg_log (reg_logged_time, reg_tenant_id);
CREATE INDEX reg_resource_ind_by_name ON reg_resource (reg_name, reg_tenant_id);
CREATE INDEX reg_path_ind_by_parent_id ON reg_path (reg_path_parent_id, reg_tenant_id);
CREATE INDEX idx_user_name_lo ON um_user (lower(um_user_name), um_tenant_id);
