"""Seeds the registry tables (REG_*) of shared_db: the collections, the artifacts of the APIs, their history.

As the product does it: REG_PATH has the collections only; a resource is a row of REG_RESOURCE with the path
of its collection and a name; a collection is a row with its own path, no name and no content. A resource that
changes gets a new version number, and the old version moves to REG_RESOURCE_HISTORY with its content.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from psycopg import Connection

from lifeboat.sample.catalogue import TENANTS, Api, Tenant, Volume, random_uuid, time_after
from lifeboat.sample.content import random_bytes
from lifeboat.sample.copying import copy_rows

SYSTEM_COLLECTIONS = ("/_system", "/_system/local", "/_system/config", "/_system/governance")
API_COLLECTION = "/_system/governance/apimgt/applicationdata/provider"
API_MEDIA_TYPE = "application/vnd.wso2-api+xml"
RESOURCE_COLUMNS = (
    "reg_path_id reg_name reg_version reg_media_type reg_creator reg_created_time reg_last_updator "
    "reg_last_updated_time reg_content_id reg_tenant_id reg_uuid"
)

_HISTORY_EVERY = 3
_VERSION_BYTES = 8


class _Registry:
    """Collects rows of the registry and keeps them consistent while they are added."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.paths: dict[tuple[int, str], int] = {}
        self.path_rows: list[tuple[int, str, int, int]] = []
        self.resources: list[tuple[object, ...]] = []
        self.history: list[tuple[object, ...]] = []
        self.contents: list[tuple[int, int, int]] = []
        self.history_contents: list[tuple[int, int, int]] = []
        self.versions: dict[int, list[int]] = {tenant.id: [] for tenant in TENANTS}
        self._choose = random.Random(f"{seed}:registry")
        self._next_path, self._next_version, self._next_content = count(1), count(1), count(1)

    def collection(self, tenant: Tenant, path: str) -> int:
        """Return the number of a collection's path; add the collection and those above it if they are new."""
        key = (tenant.id, path)
        if key not in self.paths:
            parent = -1 if path == "/" else self.collection(tenant, path.rpartition("/")[0] or "/")
            self.paths[key] = next(self._next_path)
            self.path_rows.append((self.paths[key], path, parent, tenant.id))
            self._add(self.resources, tenant, self.paths[key], None, None, None, random_uuid(self._choose))
        return self.paths[key]

    def resource(
        self, tenant: Tenant, path: int, name: str, media_type: str, size: int, uuid: str = ""
    ) -> tuple[int, str]:
        """Add a resource with content of a size in bytes; return its version and UUID."""
        content = next(self._next_content)
        self.contents.append((content, size, tenant.id))
        identity = uuid or random_uuid(self._choose)
        return self._add(self.resources, tenant, path, name, media_type, content, identity), identity

    def old_version(self, tenant: Tenant, path: int, name: str, media_type: str, size: int, uuid: str) -> None:
        """Add an earlier version of a resource, which is in the history only."""
        content = next(self._next_content)
        self.history_contents.append((content, size, tenant.id))
        self._add(self.history, tenant, path, name, media_type, content, uuid)

    def bytes_of(self, contents: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, bytes, int]]:
        """Return rows with the bytes of contents, made one at a time because together they may be large."""
        return ((number, random_bytes(f"{self.seed}:content:{number}", size), id_) for number, size, id_ in contents)

    def _add(
        self,
        rows: list[tuple[object, ...]],
        tenant: Tenant,
        path: int,
        name: str | None,
        media_type: str | None,
        content: int | None,
        uuid: str,
    ) -> int:
        version = next(self._next_version)
        moment = time_after(version)
        user = tenant.administrator
        rows.append((path, name, version, media_type, user, moment, user, moment, content, tenant.id, uuid))
        self.versions[tenant.id].append(version)
        return version


def seed_registry(connection: Connection[Any], apis: Sequence[Api], volume: Volume, seed: int) -> None:
    """Given a connection to shared_db and the APIs, fill the registry tables of every tenant."""
    registry = _Registry(seed)
    for tenant in TENANTS:
        for path in ("/", *SYSTEM_COLLECTIONS):
            registry.collection(tenant, path)
        config = registry.collection(tenant, "/_system/config/apimgt")
        registry.resource(tenant, config, "tenant-conf.json", "application/json", 3_000)
    artifacts = [_add_api(registry, api, volume) for api in apis]
    copy_rows(
        connection,
        "reg_path",
        "reg_path_id reg_path_value reg_path_parent_id reg_tenant_id",
        registry.path_rows,
    )
    columns = "reg_content_id reg_content_data reg_tenant_id"
    copy_rows(connection, "reg_content", columns, registry.bytes_of(registry.contents))
    copy_rows(connection, "reg_content_history", columns, registry.bytes_of(registry.history_contents))
    copy_rows(connection, "reg_resource", RESOURCE_COLUMNS, registry.resources)
    copy_rows(connection, "reg_resource_history", RESOURCE_COLUMNS, registry.history)
    _seed_properties(connection, apis, artifacts)
    _seed_remarks(connection, registry, apis)
    _seed_snapshots(connection, registry)
    _seed_log(connection, apis, volume)


def api_path(provider: str, name: str, version: str) -> str:
    """Return the collection in which the artifact of an API lies."""
    return f"{API_COLLECTION}/{provider}/{name}/{version}"


def _add_api(registry: _Registry, api: Api, volume: Volume) -> int:
    """Add artifact and definition of an API; every third was changed once. Return the live version."""
    path = registry.collection(api.tenant, api_path(api.provider, api.name, api.version))
    if api.number % _HISTORY_EVERY == 0:
        registry.old_version(api.tenant, path, "api", API_MEDIA_TYPE, 1_200, api.uuid)
    version, _ = registry.resource(api.tenant, path, "api", API_MEDIA_TYPE, 1_200, api.uuid)
    registry.resource(api.tenant, path, "swagger.json", "application/json", volume.document_bytes)
    return version


def _seed_properties(connection: Connection[Any], apis: Sequence[Api], artifacts: Sequence[int]) -> None:
    pairs = list(zip(apis, artifacts, strict=True))
    rows = [(api.number, "provider", f"{api.provider}\n{api.context}\\", api.tenant.id) for api, _ in pairs]
    copy_rows(connection, "reg_property", "reg_id reg_name reg_value reg_tenant_id", rows)
    links = [(api.number, version, api.tenant.id) for api, version in pairs]
    copy_rows(connection, "reg_resource_property", "reg_property_id reg_version reg_tenant_id", links)


def _seed_remarks(connection: Connection[Any], registry: _Registry, apis: Sequence[Api]) -> None:
    """Tags, comments, ratings and associations of artifacts: the link tables name them by path and name."""
    paths = {api: registry.paths[api.tenant.id, api_path(api.provider, api.name, api.version)] for api in apis}
    for kind, extra, value in (
        ("tag", "reg_tag_name reg_user_id reg_tagged_time", "größe"),
        ("comment", "reg_comment_text reg_user_id reg_commented_time", "Fine, see §2"),
        ("rating", "reg_rating reg_user_id reg_rated_time", 4),
    ):
        rows = [(api.number, value, api.provider, time_after(api.number), api.tenant.id) for api in apis]
        copy_rows(connection, f"reg_{kind}", f"reg_id {extra} reg_tenant_id", rows)
        columns = f"reg_{kind}_id reg_path_id reg_resource_name reg_tenant_id"
        links = [(api.number, paths[api], "api", api.tenant.id) for api in apis]
        copy_rows(connection, f"reg_resource_{kind}", columns, links)
    documents = [api_path(api.provider, api.name, api.version) for api in apis]
    associations = [
        (f"{path}/api", f"{path}/swagger.json", "depends", api.tenant.id)
        for api, path in zip(apis, documents, strict=True)
    ]
    columns = "reg_sourcepath reg_targetpath reg_association_type reg_tenant_id"
    copy_rows(connection, "reg_association", columns, associations)


def _seed_snapshots(connection: Connection[Any], registry: _Registry) -> None:
    """A snapshot lists versions as 8-byte big-endian numbers (carbon-kernel, VersionInputStream.java)."""
    snapshots = [
        (registry.paths[tenant.id, "/_system/governance"], _packed(registry.versions[tenant.id]), tenant.id)
        for tenant in TENANTS
    ]
    copy_rows(connection, "reg_snapshot", "reg_path_id reg_resource_vids reg_tenant_id", snapshots)


def _packed(versions: Sequence[int]) -> bytes:
    return b"".join(version.to_bytes(_VERSION_BYTES, "big") for version in versions)


def _seed_log(connection: Connection[Any], apis: Sequence[Api], volume: Volume) -> None:
    entries = (
        (f"{API_COLLECTION}/{api.provider}", api.provider, time_after(number), number % 8, "", api.tenant.id)
        for number in range(volume.log_entries)
        for api in (apis[number % len(apis)],)
    )
    columns = "reg_path reg_user_id reg_logged_time reg_action reg_action_data reg_tenant_id"
    copy_rows(connection, "reg_log", columns, entries)
    locks = [("INITIALIZE", "UNLOCKED", time_after(0), TENANTS[0].id)]
    copy_rows(connection, "reg_cluster_lock", "reg_lock_name reg_lock_status reg_locked_time reg_tenant_id", locks)
