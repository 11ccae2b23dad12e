"""The rules about a home's files, each with its reason. `lifeboat.wso2.layout` applies them."""

from enum import StrEnum


class FileClass(StrEnum):
    """What Lifeboat does with a file of a home."""

    EXCLUDED = "excluded"  #: not captured
    GENERATED = "generated"  #: captured, compared only before the first start: the product itself changes it
    COMPARED = "compared"  #: captured and always compared


class LayoutKind(StrEnum):
    """The families of directory layouts."""

    CARBON4 = "carbon4"  #: Carbon 4.2 to 4.4: API Manager up to 2.6, Identity Server up to 5.8, EI 6, ES, DAS
    MODERN = "modern"  #: Carbon 4.5 and later, with repository/conf/deployment.toml
    MICRO_INTEGRATOR = "micro_integrator"  #: Micro Integrator, with conf/deployment.toml


Rule = tuple[FileClass, str]


def _rules(file_class: FileClass, *patterns: str) -> list[Rule]:
    return [(file_class, pattern) for pattern in patterns]


_excluded = FileClass.EXCLUDED
_generated = FileClass.GENERATED
_compared = FileClass.COMPARED

#: The suffixes of H2's own files: data (page store, MV store), lock, trace, and the folder of large objects
#: of old versions. Only these: another file beside them (a Cassandra folder, say) must not be lost.
DATABASE_SUFFIXES = ("h2.db", "mv.db", "lock.db", "trace.db", "lobs.db")

#: Those that hold the data.
DATABASE_FILES = ("mv.db", "h2.db")

#: Where embedded databases lie; the runtimes of Enterprise Integrator 6 have a repository of their own.
DATABASE_FOLDERS = ("repository/database", "wso2/*/repository/database")

_EVERYWHERE: list[Rule] = [
    # Emptied by the start script, full of unpacked bundles and uploads while the server runs.
    *_rules(_excluded, "tmp/**"),
    # Logs are no state; those of a live server are carried over when a restored home takes its place.
    *_rules(_excluded, "repository/logs/**"),
    # A stale PID file makes `start` say "already running", exit 0 and start nothing.
    *_rules(_excluded, "wso2carbon.pid", "runtime.pid"),
    # The diagnostics tool's logs, thread and heap dumps and PID.
    *_rules(_excluded, "diagnostics-tool/logs/**", "diagnostics-tool/data/**", "diagnostics-tool/*.pid"),
    # A copy of an open H2 database is worth nothing: these are members of their own (embedded_databases).
    *(
        (_excluded, f"{folder}/*.{suffix}{below}")
        for folder in DATABASE_FOLDERS
        for suffix in DATABASE_SUFFIXES
        for below in (("", "/**") if suffix == "lobs.db" else ("",))
    ),
    # What a recovery put beside them, and what it kept.
    *(
        (_excluded, f"{folder}/*.{suffix}.{word}-*")
        for folder in DATABASE_FOLDERS
        for suffix in DATABASE_FILES
        for word in ("restored", "before")
    ),
    # What else lies there belongs to a running store (Cassandra in old Enterprise Store homes).
    *((_generated, f"{folder}/**") for folder in DATABASE_FOLDERS),
    # The embedded LDAP server, and the search index of older versions: written while the server runs.
    *_rules(_generated, "repository/data/**"),
    # The search index: kept, since without it APIs do not show up until all is indexed again.
    *_rules(_generated, "solr/**"),
    # Compiled JSPs.
    *_rules(_generated, "lib/tomcat/work/**"),
]

#: What Carbon writes below repository/components at every start.
_COMPONENTS = _rules(
    _generated,
    # bundles.info is rewritten at each start, the rest is OSGi's cache and logs.
    "repository/components/*/configuration/**",
    # Rewritten with the home's absolute path at each start.
    "repository/components/*/null.ini",
    "repository/components/*/eclipse.ini",
    # Made from the jars in components/lib at each start (a-b.jar: a_b_1.0.0.jar), with new times inside.
    "repository/components/dropins/*_1.0.0.jar",
    # Opened for writing at every start, patches or not. prePatchedDir.txt beside it is compared.
    "repository/components/patches/.metadata/prePatchedJARs.txt",
)

#: The same, where Micro Integrator and Enterprise Integrator 6 have it.
_RELOCATED_COMPONENTS = _rules(
    _generated,
    "wso2/components/*/configuration/**",
    "wso2/components/*/null.ini",
    "wso2/components/*/eclipse.ini",
    "dropins/*_1.0.0.jar",
    "patches/.metadata/prePatchedJARs.txt",
    "wso2/lib/tomcat/work/**",
)

#: The configuration mapper deletes `backup` and writes it anew at every start, and keeps the digests and
#: resolved references of its last run in `.metadata`. It is captured: without it the next start counts as the
#: first and renders everything again.
_CONFIGURATION_MAPPER = [
    *_rules(_excluded, "backup", "backup/**"),
    *_rules(_generated, "repository/resources/conf/.metadata/**"),
]

#: Enterprise Integrator 6: the temporary directory of its JVMs, and broker, business process and analytics
#: runtimes with a repository of their own.
_ENTERPRISE_INTEGRATOR = _rules(
    _excluded,
    "wso2/tmp/**",
    "wso2/*/tmp/**",
    "wso2/*/repository/logs/**",
    "wso2/*/wso2carbon.pid",
)

RULES: dict[LayoutKind, list[Rule]] = {
    LayoutKind.CARBON4: [*_EVERYWHERE, *_ENTERPRISE_INTEGRATOR, *_COMPONENTS, *_RELOCATED_COMPONENTS],
    LayoutKind.MODERN: [*_EVERYWHERE, *_CONFIGURATION_MAPPER, *_COMPONENTS],
    LayoutKind.MICRO_INTEGRATOR: [
        *_EVERYWHERE,
        *_CONFIGURATION_MAPPER,
        *_RELOCATED_COMPONENTS,
        *_rules(_excluded, "wso2/tmp/**"),
    ],
}

#: What is not captured and must not be there either when a restored home starts: it belongs to a process that has
#: ended, or the start makes it anew. All else that is not captured is carried over from the live home.
DROPPED = ("tmp/**", "wso2/tmp/**", "wso2/*/tmp/**", "*.pid", "**/*.pid", "backup", "backup/**")

#: Every start script empties tmp and every server logs to repository/logs.
RECREATED_DIRECTORIES = dict.fromkeys(LayoutKind, ("tmp", "repository/logs"))

#: Configuration that people edit and that no pack is known to render, relative to the conf directory.
_EDITED = (
    "deployment.toml",
    "deployment.toml.container",
    "file.properties",
    "access-log.properties",
    "log4j2.properties",
    "sec.policy",
    "datasources.properties",
    "datasources/metrics-datasources.xml",
    "etc/launch.ini",
    "etc/logging-bridge.properties",
    "etc/mime.*",
    "etc/config-validation.xml",
    "security/cipher-tool.properties",
    "security/secret-conf.properties",
    "security/jmxremote.access",
    "security/xss-patterns.properties",
    "identity/identity-providers/**",
    "identity/service-providers/**",
    "attributes/**",
    "email/**",
    "sms/**",
    "solr/*/conf/**",
)

#: Files outside of the conf directory that API Manager 4.5 renders from templates.
_RENDERED_ELSEWHERE = (
    "XMLInputFactory.properties",
    "diagnostics-tool/conf/config.toml",
    "repository/deployment/server/eventpublishers/HTTP-recommendationEventPublisher.xml",
    "repository/deployment/server/eventpublishers/asyncWebhooksEventPublisher2.xml",
    "repository/deployment/server/eventpublishers/asyncWebhooksEventPublisher_1.0.0_2.xml",
    "repository/deployment/server/eventpublishers/jmsEventPublisher2.xml",
    "repository/deployment/server/eventpublishers/jmsEventPublisher_1.10.0_2.xml",
    "repository/deployment/server/eventpublishers/tokenRevokeEventJMSPublisher_2.xml",
    "repository/deployment/server/synapse-configs/default/inbound-endpoints/Secure*.xml",
    "repository/deployment/server/synapse-configs/default/inbound-endpoints/WebSocketInboundEndpoint.xml",
    "repository/deployment/server/webapps/accountrecoveryendpoint/WEB-INF/web.xml",
    "repository/deployment/server/webapps/authenticationendpoint/WEB-INF/web.xml",
    "repository/resources/apim-synapse-config/SecureWebhookServer.xml",
    "repository/resources/security/listenerprofiles.xml",
    "repository/resources/security/sslprofiles.xml",
)

#: Configuration without a look at the home's own templates: what people edit is compared, the rest counts as
#: rendered. A file that only seems rendered is still captured and compared before the first start; the other
#: way round a start alone would look like damage.
CONFIGURATION: dict[LayoutKind, list[Rule]] = {
    LayoutKind.CARBON4: [],  # nothing is rendered: people edit every file of conf
    LayoutKind.MODERN: [
        *_rules(_compared, *(f"repository/conf/{name}" for name in _EDITED)),
        *_rules(_generated, "repository/conf/**", *_RENDERED_ELSEWHERE),
    ],
    LayoutKind.MICRO_INTEGRATOR: [
        *_rules(_compared, *(f"conf/{name}" for name in _EDITED)),
        *_rules(_generated, "conf/**"),
    ],
}

#: Directories that hold no configuration, at any depth: bundles, logs, sources, and what the product computes.
NO_CONFIGURATION = (
    ".metadata",
    "components",
    "dbscripts",
    "docs",
    "logs",
    "patches",
    "samples",
    "servicepacks",
    "tmp",
    "updates",
)
#: Of the files in which people, or the product's templates, write addresses: configuration, scripts, artefacts.
CONFIGURATION_SUFFIXES = (
    ".cfg",
    ".conf",
    ".env",
    ".ini",
    ".j2",
    ".jag",
    ".js",
    ".json",
    ".properties",
    ".sh",
    ".toml",
    ".xml",
    ".yaml",
    ".yml",
)
