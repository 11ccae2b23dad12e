-- Each query returns the rows that break a rule of the registry and user management tables. None may be there.

-- A resource without its content.
SELECT r.reg_version FROM reg_resource r LEFT JOIN reg_content c USING (reg_content_id, reg_tenant_id)
WHERE r.reg_content_id IS NOT NULL AND c.reg_content_data IS NULL;
-- A resource without its path.
SELECT r.reg_version FROM reg_resource r LEFT JOIN reg_path p USING (reg_path_id, reg_tenant_id)
WHERE p.reg_path_value IS NULL;
-- A path without its parent (the root's parent is -1).
SELECT p.reg_path_id FROM reg_path p
LEFT JOIN reg_path q ON q.reg_path_id = p.reg_path_parent_id AND q.reg_tenant_id = p.reg_tenant_id
WHERE p.reg_path_parent_id <> -1 AND q.reg_path_id IS NULL;
-- A path that is not below its parent.
SELECT p.reg_path_value FROM reg_path p
JOIN reg_path q ON q.reg_path_id = p.reg_path_parent_id AND q.reg_tenant_id = p.reg_tenant_id
WHERE q.reg_path_value <> '/' AND p.reg_path_value NOT LIKE q.reg_path_value || '/%';
-- An old version without its content.
SELECT h.reg_version FROM reg_resource_history h LEFT JOIN reg_content_history c USING (reg_content_id, reg_tenant_id)
WHERE h.reg_content_id IS NOT NULL AND c.reg_content_data IS NULL;
-- A property of a version that is neither live nor in the history.
SELECT x.id FROM reg_resource_property x WHERE x.reg_version IS NOT NULL
AND NOT EXISTS (SELECT FROM reg_resource r WHERE (r.reg_version, r.reg_tenant_id) = (x.reg_version, x.reg_tenant_id))
AND NOT EXISTS (SELECT FROM reg_resource_history h
    WHERE (h.reg_version, h.reg_tenant_id) = (x.reg_version, x.reg_tenant_id));
-- A version of a resource that is both live and in the history.
SELECT r.reg_version FROM reg_resource r JOIN reg_resource_history h USING (reg_version, reg_tenant_id)
WHERE r.reg_name IS NOT NULL;
-- A UUID twice in one tenant.
SELECT reg_uuid FROM reg_resource GROUP BY reg_tenant_id, reg_uuid HAVING count(*) > 1;
-- A tenant that does not exist (-1234 is the super tenant, 0 and -1 are the system's).
SELECT p.reg_path_id FROM reg_path p LEFT JOIN um_tenant t ON t.um_id = p.reg_tenant_id
WHERE t.um_id IS NULL AND p.reg_tenant_id NOT IN (-1234, 0, -1);
-- A lock of the cluster that is held.
SELECT reg_lock_name FROM reg_cluster_lock WHERE lower(reg_lock_status) NOT IN ('unlocked', 'unlock');
-- A collection with content.
SELECT reg_path_id FROM reg_resource WHERE reg_name IS NULL AND reg_content_id > 0;
-- A user's attribute without the user.
SELECT a.um_id FROM um_user_attribute a
LEFT JOIN um_user u ON (u.um_id, u.um_tenant_id) = (a.um_user_id, a.um_tenant_id) WHERE u.um_id IS NULL;
-- A user's role without the user or the role.
SELECT ur.um_id FROM um_user_role ur
LEFT JOIN um_user u ON (u.um_id, u.um_tenant_id) = (ur.um_user_id, ur.um_tenant_id)
LEFT JOIN um_role r ON (r.um_id, r.um_tenant_id) = (ur.um_role_id, ur.um_tenant_id)
WHERE u.um_id IS NULL OR r.um_id IS NULL;
-- A user's internal role without the role.
SELECT h.um_id FROM um_hybrid_user_role h
LEFT JOIN um_hybrid_role r ON (r.um_id, r.um_tenant_id) = (h.um_role_id, h.um_tenant_id) WHERE r.um_id IS NULL;
-- A role's permission without the permission.
SELECT p.um_id FROM um_role_permission p
LEFT JOIN um_permission q ON (q.um_id, q.um_tenant_id) = (p.um_permission_id, p.um_tenant_id) WHERE q.um_id IS NULL;
