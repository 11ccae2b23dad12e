-- A small, sound API Manager: one API with one revision.
INSERT INTO idn_base_table VALUES ('WSO2 Identity Server');
INSERT INTO idn_oauth_consumer_apps (id, consumer_key, tenant_id) VALUES (1, 'a', -1234), (2, 'b', 1), (3, 'c', NULL);
INSERT INTO sp_app (id, tenant_id, app_name, user_store, username, auth_type) VALUES (1, 1, 'app', 'PRIMARY', 'admin', 'default');
INSERT INTO idp (id, tenant_id, name, uuid) VALUES (1, -1234, 'LOCAL', 'idp-1');
INSERT INTO am_alert_types (alert_type_name, stake_holder) SELECT 'alert ' || n, 'publisher' FROM generate_series(1, 7) n;
INSERT INTO am_subscriber (subscriber_id, user_id, tenant_id, date_subscribed) VALUES (1, 'admin', -1234, now());
INSERT INTO am_scope (scope_id, name, display_name, tenant_id, scope_type) VALUES (1, 'read', 'read', -1, 'OAUTH2');
INSERT INTO am_api (api_id, api_uuid, api_name) VALUES (1, 'api-1', 'orders'), (2, NULL, 'of an old version');
INSERT INTO am_revision (id, api_uuid, revision_uuid) VALUES (1, 'api-1', 'revision-1');

DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'S' LOOP PERFORM setval(name, 100); END LOOP;
END $$;
