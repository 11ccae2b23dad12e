-- A small, sound registry and user management: the super tenant and tenant 1.
INSERT INTO um_tenant (um_id, um_tenant_uuid, um_domain_name, um_created_date) VALUES (1, 'tenant-1', 'one.example', now());
INSERT INTO um_domain (um_domain_id, um_domain_name, um_tenant_id) VALUES (1, 'PRIMARY', -1234), (2, 'INTERNAL', -1234);
INSERT INTO um_user (um_id, um_user_id, um_user_name, um_user_password, um_changed_time, um_tenant_id) VALUES
    (1, 'user-1', 'admin', '', now(), -1234), (2, 'user-2', 'reader', '', now(), -1234);
INSERT INTO um_role (um_id, um_role_name, um_tenant_id) VALUES (1, 'admin', -1234), (2, 'reader', -1234);
INSERT INTO um_user_attribute (um_id, um_attr_name, um_user_id, um_tenant_id) VALUES (1, 'mail', 2, -1234);
INSERT INTO um_user_role (um_id, um_role_id, um_user_id, um_tenant_id) VALUES (1, 1, 1, -1234);
INSERT INTO um_hybrid_role (um_id, um_role_name, um_tenant_id) VALUES (1, 'publisher', -1234);
INSERT INTO um_hybrid_user_role (um_id, um_user_name, um_role_id, um_tenant_id, um_domain_id) VALUES (1, 'admin', 1, -1234, 1);
INSERT INTO um_permission (um_id, um_resource_id, um_action, um_tenant_id) VALUES (1, '/permission', 'ui.execute', -1234);
INSERT INTO um_role_permission (um_id, um_permission_id, um_role_name, um_is_allowed, um_tenant_id, um_domain_id)
    VALUES (1, 1, 'admin', 1, -1234, 1);

INSERT INTO reg_path (reg_path_id, reg_path_value, reg_path_parent_id, reg_tenant_id) VALUES
    (1, '/', -1, -1234), (2, '/_system', 1, -1234), (3, '/_system/config', 2, -1234),
    (4, '/_system/governance', 2, -1234), (5, '/_system/local', 2, -1234), (6, '/_system/governance/apis', 4, -1234),
    (7, '/_system/config/mail', 3, -1234), (8, '/', -1, 1);
INSERT INTO reg_content (reg_content_id, reg_content_data, reg_tenant_id) VALUES
    (1, '\x01', -1234), (2, '\x02', -1234), (3, '\x03', -1234);
INSERT INTO reg_content_history (reg_content_id, reg_content_data, reg_tenant_id) VALUES (1, '\x00', -1234);
INSERT INTO reg_resource (reg_version, reg_path_id, reg_name, reg_media_type, reg_creator, reg_created_time,
    reg_last_updated_time, reg_content_id, reg_tenant_id, reg_uuid) VALUES
    (1, 1, NULL, NULL, 'admin', now(), now(), NULL, -1234, 'collection-1'),
    (5, 5, NULL, NULL, 'admin', now(), now(), NULL, -1234, 'collection-5'),
    (10, 6, 'api', 'application/vnd.wso2-api+xml', 'admin', now(), now(), 1, -1234, 'api-1'),
    (11, 6, 'revision', 'application/vnd.wso2-api+xml', 'admin', now(), now(), 2, -1234, 'revision-1'),
    (12, 7, 'template', 'text/plain', 'admin', now(), now(), 3, -1234, 'template-1');
INSERT INTO reg_resource_history (reg_version, reg_path_id, reg_name, reg_creator, reg_created_time,
    reg_last_updated_time, reg_content_id, reg_tenant_id, reg_uuid) VALUES
    (9, 6, 'api', 'admin', now(), now(), 1, -1234, 'api-1'),
    (1, 1, NULL, 'admin', now(), now(), NULL, -1234, 'collection-1');
INSERT INTO reg_property (reg_id, reg_name, reg_value, reg_tenant_id) VALUES (1, 'STATUS', 'PUBLISHED', -1234);
INSERT INTO reg_tag (reg_id, reg_tag_name, reg_user_id, reg_tagged_time, reg_tenant_id) VALUES (1, 'new', 'admin', now(), -1234);
INSERT INTO reg_comment (reg_id, reg_comment_text, reg_user_id, reg_commented_time, reg_tenant_id)
    VALUES (1, 'good', 'admin', now(), -1234);
INSERT INTO reg_rating (reg_id, reg_rating, reg_user_id, reg_rated_time, reg_tenant_id) VALUES (1, 5, 'admin', now(), -1234);
INSERT INTO reg_resource_property (id, reg_property_id, reg_version, reg_path_id, reg_tenant_id)
    VALUES (1, 1, 10, 6, -1234), (2, 1, 9, 6, -1234), (3, 1, NULL, 6, -1234);
INSERT INTO reg_resource_tag (id, reg_tag_id, reg_version, reg_path_id, reg_tenant_id) VALUES (1, 1, 10, 6, -1234);
INSERT INTO reg_resource_comment (id, reg_comment_id, reg_version, reg_path_id, reg_tenant_id) VALUES (1, 1, 9, 6, -1234);
INSERT INTO reg_resource_rating (id, reg_rating_id, reg_version, reg_path_id, reg_tenant_id) VALUES (1, 1, 10, 6, -1234);
INSERT INTO reg_snapshot (reg_snapshot_id, reg_path_id, reg_resource_vids, reg_tenant_id)
    VALUES (1, 6, int8send(10) || int8send(9), -1234), (2, 7, '', -1234);
INSERT INTO reg_cluster_lock (reg_lock_name, reg_lock_status) VALUES ('INITIALIZE', 'UNLOCKED');

DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'S' LOOP PERFORM setval(name, 100); END LOOP;
END $$;
