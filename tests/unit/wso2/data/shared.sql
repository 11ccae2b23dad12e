-- The registry and user management tables that the checks read, as API Manager 4.5's script makes them.
CREATE SEQUENCE reg_path_pk_seq;
CREATE SEQUENCE reg_content_pk_seq;
CREATE SEQUENCE reg_resource_pk_seq;
CREATE SEQUENCE reg_property_pk_seq;
CREATE SEQUENCE reg_resource_property_pk_seq;
CREATE SEQUENCE reg_tag_pk_seq;
CREATE SEQUENCE reg_resource_tag_pk_seq;
CREATE SEQUENCE reg_comment_pk_seq;
CREATE SEQUENCE reg_resource_comment_pk_seq;
CREATE SEQUENCE reg_rating_pk_seq;
CREATE SEQUENCE reg_resource_rating_pk_seq;
CREATE SEQUENCE reg_snapshot_pk_seq;
CREATE SEQUENCE um_tenant_pk_seq;
CREATE SEQUENCE um_domain_pk_seq;
CREATE SEQUENCE um_user_pk_seq;
CREATE SEQUENCE um_role_pk_seq;
CREATE SEQUENCE um_user_attribute_pk_seq;
CREATE SEQUENCE um_user_role_pk_seq;
CREATE SEQUENCE um_hybrid_role_pk_seq;
CREATE SEQUENCE um_hybrid_user_role_pk_seq;
CREATE SEQUENCE um_permission_pk_seq;
CREATE SEQUENCE um_role_permission_pk_seq;
CREATE SEQUENCE um_hybrid_remember_me_pk_seq;

CREATE TABLE reg_path (
    reg_path_id integer DEFAULT nextval('reg_path_pk_seq') NOT NULL,
    reg_path_value varchar(2000) NOT NULL,
    reg_path_parent_id integer,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_path_id, reg_tenant_id),
    UNIQUE (reg_path_value, reg_tenant_id)
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
CREATE TABLE reg_property (
    reg_id integer DEFAULT nextval('reg_property_pk_seq') NOT NULL,
    reg_name varchar(100) NOT NULL,
    reg_value varchar(1000),
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
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
CREATE TABLE reg_tag (
    reg_id integer DEFAULT nextval('reg_tag_pk_seq') NOT NULL,
    reg_tag_name varchar(500) NOT NULL,
    reg_user_id varchar(255) NOT NULL,
    reg_tagged_time timestamp NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
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
CREATE TABLE reg_comment (
    reg_id integer DEFAULT nextval('reg_comment_pk_seq') NOT NULL,
    reg_comment_text varchar(500) NOT NULL,
    reg_user_id varchar(255) NOT NULL,
    reg_commented_time timestamp NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
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
CREATE TABLE reg_rating (
    reg_id integer DEFAULT nextval('reg_rating_pk_seq') NOT NULL,
    reg_rating integer NOT NULL,
    reg_user_id varchar(255) NOT NULL,
    reg_rated_time timestamp NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_id, reg_tenant_id)
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
CREATE TABLE reg_snapshot (
    reg_snapshot_id integer DEFAULT nextval('reg_snapshot_pk_seq') NOT NULL,
    reg_path_id integer NOT NULL,
    reg_resource_name varchar(255),
    reg_resource_vids bytea NOT NULL,
    reg_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (reg_snapshot_id, reg_tenant_id)
);
CREATE TABLE reg_cluster_lock (
    reg_lock_name varchar(20) NOT NULL,
    reg_lock_status varchar(20),
    reg_locked_time timestamp,
    reg_tenant_id integer DEFAULT 0,
    PRIMARY KEY (reg_lock_name)
);
CREATE TABLE um_tenant (
    um_id integer DEFAULT nextval('um_tenant_pk_seq') NOT NULL,
    um_tenant_uuid varchar(36) NOT NULL,
    um_domain_name varchar(255) NOT NULL,
    um_email varchar(255),
    um_active boolean DEFAULT false,
    um_created_date timestamp NOT NULL,
    um_user_config bytea,
    um_org_uuid varchar(36) DEFAULT NULL,
    PRIMARY KEY (um_id),
    UNIQUE (um_domain_name),
    UNIQUE (um_tenant_uuid)
);
CREATE TABLE um_domain (
    um_domain_id integer DEFAULT nextval('um_domain_pk_seq') NOT NULL,
    um_domain_name varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_domain_id, um_tenant_id),
    UNIQUE (um_domain_name, um_tenant_id)
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
CREATE TABLE um_role (
    um_id integer DEFAULT nextval('um_role_pk_seq') NOT NULL,
    um_role_name varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    um_shared_role boolean DEFAULT false,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_role_name, um_tenant_id)
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
CREATE TABLE um_user_role (
    um_id integer DEFAULT nextval('um_user_role_pk_seq') NOT NULL,
    um_role_id integer NOT NULL,
    um_user_id integer NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_user_id, um_role_id, um_tenant_id)
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
CREATE TABLE um_permission (
    um_id integer DEFAULT nextval('um_permission_pk_seq') NOT NULL,
    um_resource_id varchar(255) NOT NULL,
    um_action varchar(255) NOT NULL,
    um_tenant_id integer DEFAULT 0 NOT NULL,
    um_module_id integer DEFAULT 0,
    PRIMARY KEY (um_id, um_tenant_id),
    UNIQUE (um_resource_id, um_action, um_tenant_id)
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
ALTER TABLE reg_resource_property ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_property ADD FOREIGN KEY (reg_property_id, reg_tenant_id) REFERENCES reg_property(reg_id, reg_tenant_id);
ALTER TABLE reg_resource_tag ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_tag ADD FOREIGN KEY (reg_tag_id, reg_tenant_id) REFERENCES reg_tag(reg_id, reg_tenant_id);
ALTER TABLE reg_resource_comment ADD FOREIGN KEY (reg_comment_id, reg_tenant_id) REFERENCES reg_comment(reg_id, reg_tenant_id);
ALTER TABLE reg_resource_comment ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_rating ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE reg_resource_rating ADD FOREIGN KEY (reg_rating_id, reg_tenant_id) REFERENCES reg_rating(reg_id, reg_tenant_id);
ALTER TABLE reg_snapshot ADD FOREIGN KEY (reg_path_id, reg_tenant_id) REFERENCES reg_path(reg_path_id, reg_tenant_id);
ALTER TABLE um_user_attribute ADD FOREIGN KEY (um_user_id, um_tenant_id) REFERENCES um_user(um_id, um_tenant_id);
ALTER TABLE um_user_role ADD FOREIGN KEY (um_role_id, um_tenant_id) REFERENCES um_role(um_id, um_tenant_id);
ALTER TABLE um_user_role ADD FOREIGN KEY (um_user_id, um_tenant_id) REFERENCES um_user(um_id, um_tenant_id);
ALTER TABLE um_hybrid_user_role ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_hybrid_user_role ADD FOREIGN KEY (um_role_id, um_tenant_id) REFERENCES um_hybrid_role(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_role_permission ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_role_permission ADD FOREIGN KEY (um_permission_id, um_tenant_id) REFERENCES um_permission(um_id, um_tenant_id) ON DELETE CASCADE;
ALTER TABLE um_uuid_domain_mapper ADD FOREIGN KEY (um_domain_id, um_tenant_id) REFERENCES um_domain(um_domain_id, um_tenant_id) ON DELETE CASCADE;
