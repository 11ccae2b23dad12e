"""Seeds apim_db: APIs, subscribers, applications, subscriptions, revisions, gateway artifacts, tokens."""

import random
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from lifeboat.sample.catalogue import TENANTS, Api, Volume, random_uuid, time_after
from lifeboat.sample.content import random_bytes
from lifeboat.sample.copying import copy_rows

API_COLUMNS = (
    "api_uuid api_provider api_name api_version context context_template api_type organization status "
    "created_by created_time updated_by updated_time version_comparable"
)
TOKEN_COLUMNS = (
    "token_id access_token refresh_token consumer_key_id authz_user tenant_id user_domain user_type "
    "grant_type time_created refresh_token_time_created validity_period refresh_token_validity_period "
    "token_scope_hash token_state subject_identifier access_token_hash"
)
_ALERT_TYPES = (
    ("AbnormalResponseTime", "publisher"),
    ("AbnormalBackendTime", "publisher"),
    ("AbnormalRequestsPerMin", "subscriber"),
    ("AbnormalRequestPattern", "subscriber"),
    ("UnusualIPAccess", "subscriber"),
    ("FrequentTierLimitHitting", "subscriber"),
    ("ApiHealthMonitor", "publisher"),
)


def seed_product_rows(connection: Connection[Any], seed: int) -> None:
    """Given a connection to apim_db, add the rows that the product itself brings, which are no user data."""
    copy_rows(connection, "idn_base_table", "product_name", [("WSO2 Identity Server",)])
    copy_rows(connection, "am_alert_types", "alert_type_name stake_holder", _ALERT_TYPES)
    choose = random.Random(f"{seed}:product")
    managers = [
        (random_uuid(choose), "Resident Key Manager", "default", b'{"grant_types": []}', tenant.domain)
        for tenant in TENANTS
    ]
    copy_rows(connection, "am_key_manager", "uuid name type configuration organization", managers)
    policies = [
        (f"{name}", tenant.id, "requestCount", limit, 1, "min", True, "FREE", random_uuid(choose))
        for tenant in TENANTS
        for name, limit in (("Gold", 5000), ("Silver", 2000), ("Bronze", 1000))
    ]
    columns = "name tenant_id quota_type quota unit_time time_unit is_deployed billing_plan uuid"
    copy_rows(connection, "am_policy_subscription", columns, policies)


def seed_apis(connection: Connection[Any], apis: Sequence[Api], volume: Volume, seed: int) -> None:
    """Given a connection to apim_db, add the APIs with their resources, revisions and gateway artifacts."""
    copy_rows(connection, "am_api", f"api_id {API_COLUMNS}", ((api.number, *api_row(api)) for api in apis))
    mappings = (
        (api.number, method, "Any", f"/{pattern}", "Unlimited")
        for api in apis
        for method, pattern in (("GET", "items"), ("POST", "items"), ("DELETE", "items/{id}"))
    )
    columns = "api_id http_method auth_scheme url_pattern throttling_tier"
    copy_rows(connection, "am_api_url_mapping", columns, mappings)
    events = (
        (api.number, before, after, api.provider, api.tenant.id, time_after(api.number))
        for api in apis
        for before, after in ((None, "CREATED"), ("CREATED", "PUBLISHED"))
    )
    columns = "api_id previous_state new_state user_id tenant_id event_date"
    copy_rows(connection, "am_api_lc_event", columns, events)
    _seed_gateway(connection, apis, volume, seed)
    comments = [
        row
        for api in apis[:10]
        for row in (
            (f"{api.uuid}-reply", "Thank you", "admin", time_after(2), api.number, f"{api.uuid}-first"),
            (f"{api.uuid}-first", "It is «good»\r\n\tby far \\N", "admin", time_after(1), api.number, None),
        )
    ]
    columns = "comment_id comment_text created_by created_time api_id parent_comment_id"
    copy_rows(connection, "am_api_comments", columns, comments)


def api_row(api: Api) -> tuple[object, ...]:
    """Return an API as a row with API_COLUMNS."""
    moment = time_after(api.number)
    template = api.context.removesuffix(api.version) + "{version}"
    names = (api.uuid, api.provider, api.name, api.version, api.context, template)
    state = ("HTTP", api.tenant.domain, "PUBLISHED", api.provider, moment, api.provider, moment)
    return (*names, *state, "ABCDEAA001")


def _seed_gateway(connection: Connection[Any], apis: Sequence[Api], volume: Volume, seed: int) -> None:
    choose = random.Random(f"{seed}:revisions")
    revisions = [(1, api.uuid, random_uuid(choose), api.provider, time_after(api.number)) for api in apis]
    copy_rows(connection, "am_revision", "id api_uuid revision_uuid created_by created_time", revisions)
    metadata = [(uuid, revision, "Gold") for _, uuid, revision, _, _ in revisions]
    copy_rows(connection, "am_api_revision_metadata", "api_uuid revision_uuid api_tier", metadata)
    published = [(api.uuid, api.tenant.domain, api.provider, api.name, api.version, "HTTP") for api in apis]
    columns = "api_id tenant_domain api_provider api_name api_version api_type"
    copy_rows(connection, "am_gw_published_api_details", columns, published)
    artifacts = (
        (uuid, revision, random_bytes(f"{seed}:artifact:{uuid}", volume.document_bytes), moment)
        for _, uuid, revision, _, moment in revisions
    )
    copy_rows(connection, "am_gw_api_artifacts", "api_id revision_id artifact time_stamp", artifacts)
    deployments = [(uuid, revision, "Default", "gw.sample.example") for _, uuid, revision, _, _ in revisions]
    copy_rows(connection, "am_gw_api_deployments", "api_id revision_id label vhost", deployments)


def seed_applications(connection: Connection[Any], apis: Sequence[Api], volume: Volume, seed: int) -> None:
    """Given a connection to apim_db, add subscribers with one application each, subscribed to some APIs."""
    choose = random.Random(f"{seed}:applications")
    numbers = range(1, volume.applications + 1)
    tenants = {number: TENANTS[number % len(TENANTS)] for number in numbers}
    subscribers = [
        (number, f"subscriber{number}", tenants[number].id, f"s{number}@sample.example", time_after(number))
        for number in numbers
    ]
    columns = "subscriber_id user_id tenant_id email_address date_subscribed"
    copy_rows(connection, "am_subscriber", columns, subscribers)
    descriptions = (None, "", "Mit Umlauten: äöü", "tab\tand\nline")
    applications = [
        (
            number,
            f"Application {number}",
            number,
            descriptions[number % 4],
            random_uuid(choose),
            tenants[number].domain,
        )
        for number in numbers
    ]
    columns = "application_id name subscriber_id description uuid organization"
    copy_rows(connection, "am_application", columns, applications)
    subscriptions = [
        ("Gold", api.number, number, "UNBLOCKED", random_uuid(choose), time_after(number))
        for number in numbers
        for api in choose.sample(list(apis), 2)
    ]
    columns = "tier_id api_id application_id sub_status uuid created_time"
    copy_rows(connection, "am_subscription", columns, subscriptions)
    _seed_keys(connection, volume, choose)
    # The product's table has no key; both gateways reported the same event.
    event = (apis[0].uuid, "1", "carbon.super", "https://hub.sample.example", "orders", time_after(5))
    columns = "api_uuid application_id tenant_domain hub_callback_url hub_topic added_at"
    copy_rows(connection, "am_webhooks_unsubscription", columns, [event, event])


def _seed_keys(connection: Connection[Any], volume: Volume, choose: random.Random) -> None:
    """One OAuth application and one key mapping for each application, and the tokens issued for them."""
    keys = {number: choose.randbytes(14).hex() for number in range(1, volume.applications + 1)}
    consumers = [
        (
            number,
            key,
            choose.randbytes(14).hex(),
            "admin",
            TENANTS[number % len(TENANTS)].id,
            "PRIMARY",
            f"app{number}",
        )
        for number, key in keys.items()
    ]
    columns = "id consumer_key consumer_secret username tenant_id user_domain app_name"
    copy_rows(connection, "idn_oauth_consumer_apps", columns, consumers)
    mappings = [(number, key, "PRODUCTION", "COMPLETED", "Resident Key Manager", b"{}") for number, key in keys.items()]
    columns = "application_id consumer_key key_type state key_manager app_info"
    copy_rows(connection, "am_application_key_mapping", columns, mappings)
    tokens = [random_uuid(choose) for _ in range(volume.tokens)]
    rows = (token_row(token, 1 + position % volume.applications, position) for position, token in enumerate(tokens))
    copy_rows(connection, "idn_oauth2_access_token", TOKEN_COLUMNS, rows)
    scopes = ((token, scope, -1234) for token in tokens for scope in ("default", "apim:subscribe"))
    copy_rows(connection, "idn_oauth2_access_token_scope", "token_id token_scope tenant_id", scopes)
    bindings = ((token, "cookie", "NONE", token[:8], -1234) for token in tokens[:10])
    columns = "token_id token_binding_type token_binding_ref token_binding_value tenant_id"
    copy_rows(connection, "idn_oauth2_token_binding", columns, bindings)


def token_row(token: str, consumer: int, minutes: int) -> tuple[object, ...]:
    """Return an access token as a row with TOKEN_COLUMNS; the values are made up from the token's number."""
    moment = time_after(minutes)
    names = (token, f"access-{token}", f"refresh-{token}", consumer, "admin", -1234, "PRIMARY")
    times = ("APPLICATION", "client_credentials", moment, moment, 3_600_000, 86_400_000)
    return (*names, *times, token.replace("-", ""), "ACTIVE", "admin", f"hash-{token}")
