"""What server control decides without a server: dangerous switches, health by product, the order of servers."""

import pytest

from lifeboat.deployment import Deployment, Server
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.layout import LayoutKind
from lifeboat.wso2.server import start_groups, stop_groups
from lifeboat.wso2.server_health import health_check, main_port
from lifeboat.wso2.server_switches import dangerous_switches

SCRIPT = "/home/bin/api-cp.sh"


@pytest.mark.parametrize(
    ("line", "switch"),
    [
        ("$JAVACMD -Dsetup org.wso2.carbon.bootstrap.Bootstrap", "-Dsetup"),
        ("args='-Dsetup=true'", "-Dsetup"),
        ('exec "$home/bin/wso2server.sh" --cleanRegistry', "--cleanRegistry"),
        ("set -- start cleanRegistry", "cleanRegistry"),
        ("    -Dcarbon.registry.clean=true \\", "-Dcarbon.registry.clean"),
        ('[ "$1" = "--fresh" ] && JAVA_OPTS="-Dsetup"', "-Dsetup"),
        ("    --fresh) exec java -Dsetup ;;", "-Dsetup"),
        ("JAVA_OPTS=-Dmigrate -Dcomponent=identity", "-Dmigrate"),
    ],
)
def test_a_dangerous_switch_of_the_start_script_is_found(line: str, switch: str) -> None:
    assert dangerous_switches(SCRIPT, {SCRIPT: f"#!/bin/sh\n{line}\n"}, {}) == [f"{SCRIPT}:2: {switch}"]


@pytest.mark.parametrize(
    "line",
    [
        "# -Dsetup: clean the registry, recreate the database",
        '    echo "  --cleanRegistry    [CAUTION] All Registry data will be lost"',
        'elif [ "$c" = "--cleanRegistry" ] || [ "$c" = "-cleanRegistry" ]; then',
        "elif [[ $c == -Dsetup ]]; then",
        "    -Dsetup) CMD=setup ;;",
        "$JAVACMD -Dsetup.directory=/opt -Dmigrate=false -Dmigration.tool=no -Dcarbon.registry.root=/",
        "$JAVACMD -Dmy-Dsetup",
    ],
)
def test_what_only_tells_of_a_switch_is_no_danger(line: str) -> None:
    assert dangerous_switches(SCRIPT, {SCRIPT: line}, {}) == []


def test_of_other_scripts_only_options_of_the_jvm_count() -> None:
    files = {"/home/bin/migrate.sh": "java -Dmigrate Tool\nexport JAVA_OPTS='-Dmigrate'\n", "/etc/wso2": "A=-Dsetup"}
    assert dangerous_switches(SCRIPT, files, {"JDK_JAVA_OPTIONS": "-Xmx1g --cleanRegistry"}) == [
        "/home/bin/migrate.sh:2: -Dmigrate",
        "/etc/wso2:1: -Dsetup",
        "$JDK_JAVA_OPTIONS: --cleanRegistry",
    ]


@pytest.mark.parametrize(
    ("product", "version", "url"),
    [
        ("wso2am-universal-gw", "4.5.0", "https://127.0.0.1:9445/api/am/gateway/v2/server-startup-healthcheck"),
        ("wso2am", "4.2.0", "https://127.0.0.1:9445/api/am/gateway/v2/server-startup-healthcheck"),
        ("wso2am", "3.2.0", "http://127.0.0.1:9765/services/Version"),
        ("wso2am-acp", "4.5.0", "http://127.0.0.1:9765/services/Version"),
        ("wso2is", "7.1.0", "https://127.0.0.1:9445/oauth2/token/.well-known/openid-configuration"),
        (None, None, "http://127.0.0.1:9765/services/Version"),
    ],
)
def test_health_is_asked_by_product(product: str | None, version: str | None, url: str) -> None:
    server = Server(type="one", home="/home", port_offset=2)
    check = health_check(server, LayoutKind.MODERN, ProductIdentity(product=product, version=version))
    assert (check.url, check.port, check.certain) == (url, 9445, False)


def test_a_micro_integrator_has_an_offset_of_its_own() -> None:
    default, given = Server(type="mi", home="/home"), Server(type="mi", home="/home", port_offset=0)
    kind, identity = LayoutKind.MICRO_INTEGRATOR, ProductIdentity(product="wso2mi", version="4.3.0")
    assert health_check(default, kind, identity).url == "http://127.0.0.1:9201/healthz"
    assert (main_port(default, kind), main_port(given, kind)) == (8290, 8280)
    assert main_port(default, LayoutKind.MODERN) == 9443


def test_a_given_url_knows_its_ports_and_is_certain() -> None:
    server = Server(type="one", home="/home", port_offset=3, health_url="https://localhost:{https}/x?port={http}")
    check = health_check(server, None, ProductIdentity())
    assert (check.url, check.certain) == ("https://localhost:9446/x?port=9766", True)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("health_url", "localhost:9763/services/Version", "is not a URL"),
        ("health_url", "http://127.0.0.1:{offset}/", "is not a URL"),
        ("health_url", "http://admin:admin@127.0.0.1/", "holds a login"),
        ("control", {"unit": "--user wso2"}, "should match"),
        ("control", {"unit": "wso2.service", "environment": {"A": "b"}}, "put it into the unit"),
        ("control", {"script": "/bin/sh"}, "is not a path inside"),
    ],
)
def test_what_a_deployment_file_may_not_say(key: str, value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Server.model_validate({"type": "one", "home": "/home", key: value})


def test_servers_stop_in_the_reverse_order_of_their_start() -> None:
    orders = {"gw-2": 3, "gw-1": 3, "cp": 1, "tm": 0}
    deployment = Deployment.model_validate(
        {
            "version": 1,
            "name": "one",
            "signing": "key",
            "sites": {"main": {"vault": {"repository": "/vault", "writer": "writer"}}},
            "servers": {name: {"type": "t", "home": "/home", "start_order": order} for name, order in orders.items()},
        }
    )
    assert start_groups(deployment, orders) == [["tm"], ["cp"], ["gw-1", "gw-2"]]
    assert stop_groups(deployment, ["gw-2", "tm", "gw-1"]) == [["gw-1", "gw-2"], ["tm"]]
    with pytest.raises(KeyError):
        start_groups(deployment, ["unknown"])
