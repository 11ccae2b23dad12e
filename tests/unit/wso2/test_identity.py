"""What a home's own files say of its product, and that broken files and tokens do no harm."""

import json

import pytest

from lifeboat.wso2.identity import UpdateKind, read_identity

IDENTITY_SERVER = {
    "bin/version.txt": b"WSO2 Identity Server v7.1.0\n",
    "bin/wso2carbon-version.txt": b"WSO2 Carbon Framework v4.10.42\n",
    "updates/product.txt": b"wso2is-7.1.0",
}
SECRET = "0123456789abcdef-token"
CONFIGURATION = {
    "username": SECRET,
    "update-level": "8",
    "channel": "full",
    "backup-dir": "/home/wso2/.wso2-updates/backup",
    "product": {"pattern": "wso2is-7.1.0", "name": "wso2is", "version": "7.1.0"},
    "service": {
        "url": "https://api.example",
        "access-token": SECRET,
        "refresh-token": SECRET,
        "app-key": SECRET,
    },
    "hotfixes": None,
}


def identity(files, update_files=()):
    return read_identity(files.get, update_files)


def updated(**changes):
    return {**IDENTITY_SERVER, "updates/config.json": json.dumps({**CONFIGURATION, **changes}).encode()}


def test_updated_home():
    found = identity(updated())
    assert (found.product, found.name, found.version) == ("wso2is", "WSO2 Identity Server", "7.1.0")
    assert (found.update_kind, found.update_level) == (UpdateKind.UPDATES_2, 8)
    assert (found.carbon_kernel, found.server_type) == ("4.10.42", "identity-server")
    assert found.problems == []


def test_no_token_gets_out():
    assert SECRET not in identity(updated()).model_dump_json()
    files = updated(product={"name": [SECRET], "version": SECRET * 3})
    del files["updates/product.txt"]
    assert SECRET not in identity(files).model_dump_json()


@pytest.mark.parametrize(("level", "expected"), [("-1", 0), ("0", 0), ("74", 74), (25, 25)])
def test_levels(level, expected):
    assert identity(updated(**{"update-level": level})).update_level == expected


@pytest.mark.parametrize("level", ["", "seven", None, True, 1.5, [], {}, "9" * 40])
def test_a_level_that_is_none(level):
    found = identity(updated(**{"update-level": level}))
    assert (found.update_kind, found.update_level) == (UpdateKind.UPDATES_2, None)
    assert found.problems == ["updates/config.json: 'update-level' is missing or not a number."]


def test_never_updated_is_level_0():
    found = identity(IDENTITY_SERVER, ["updates/product.txt"])
    assert (found.update_kind, found.update_level, found.problems) == (UpdateKind.NEVER_UPDATED, 0, [])


def test_in_place_tool():
    found = identity({**IDENTITY_SERVER, "updates/config.yaml": b"\xff"})
    assert (found.update_kind, found.update_level) == (UpdateKind.IN_PLACE, None)
    both = identity({**updated(), "updates/config.yaml": b""})
    assert both.update_kind is UpdateKind.UPDATES_2


def test_without_a_listing_nothing_is_said_of_the_level():
    found = read_identity(IDENTITY_SERVER.get)
    assert (found.update_kind, found.update_level) == (None, None)
    assert found.problems == ["updates/ was not listed: whether WUM or nothing ever updated the pack is unknown."]
    assert read_identity(updated().get) == identity(updated())


def test_wum_is_told_by_its_summaries():
    files = ["updates/summary/update-summary-wso2am-3.0.0+1602089309903.full.pdf"]
    found = identity({"bin/version.txt": b"WSO2 API Manager v3.0.0"}, files)
    assert (found.update_kind, found.update_level, found.product) == (UpdateKind.WUM, None, "wso2am")


def test_home_of_the_carbon_4_era_needs_no_updates_folder():
    found = identity({key: IDENTITY_SERVER[key] for key in list(IDENTITY_SERVER)[:2]})
    assert (found.product, found.version, found.problems) == ("wso2is", "7.1.0", [])


@pytest.mark.parametrize(
    ("pack", "product", "server_type"),
    [
        (b"wso2am-acp-4.5.0\r\n", "wso2am-acp", "api-control-plane"),
        (b"\xef\xbb\xbfwso2mi-4.1.0", "wso2mi", "micro-integrator"),
        (b"wso2xyz-1.0.0", "wso2xyz", None),
    ],
)
def test_packs(pack, product, server_type):
    found = identity({"updates/product.txt": pack})
    assert (found.product, found.server_type) == (product, server_type)


def test_broken_files_are_problems_not_errors():
    found = identity(
        {
            "bin/version.txt": b"\xff\xfe\x00",
            "bin/wso2carbon-version.txt": b"4.10.42",
            "updates/product.txt": b"wso2is-7.1.0-SNAPSHOT",
            "updates/config.json": b"{" + b"[" * 100_000,
        }
    )
    assert (found.product, found.version, found.carbon_kernel, found.update_level) == (None, None, None, None)
    assert found.problems == [
        "bin/version.txt: not UTF-8 text.",
        "bin/version.txt: does not read '<product> v<version>'.",
        "bin/wso2carbon-version.txt: does not read '<product> v<version>'.",
        "updates/product.txt: does not read '<product>-<a.b.c>', as the update tool requires.",
        "updates/config.json: not a JSON object.",
        "No file tells the name of the product's pack.",
    ]


def test_an_empty_home_is_all_unknown():
    found = identity({})
    assert (found.product, found.version, found.update_kind) == (None, None, UpdateKind.NEVER_UPDATED)
    assert found.problems[:2] == ["bin/version.txt: missing.", "bin/wso2carbon-version.txt: missing."]


def test_disagreeing_versions_are_a_problem():
    found = identity({**IDENTITY_SERVER, "updates/product.txt": b"wso2is-7.0.0"})
    assert found.version == "7.1.0"
    assert found.problems == [
        "The version is not the same everywhere: bin/version.txt says 7.1.0, updates/product.txt says 7.0.0."
    ]


def test_channel_hotfixes_and_patches_are_part_of_the_identity():
    hotfixes = ["wso2is-7.1.0.8-20250101-hf-1.zip", {"name": "hf-2", "token": SECRET}, 3]
    found = read_identity(updated(hotfixes=hotfixes).get, [], patches=["patch0001"], service_packs=["servicepack0001"])
    assert found.channel == "full"
    assert found.hotfixes == ["wso2is-7.1.0.8-20250101-hf-1.zip", "hf-2", "3"]
    assert (found.patches, found.service_packs, found.problems) == (["patch0001"], ["servicepack0001"], [])


@pytest.mark.parametrize("hotfixes", [[SECRET], SECRET, [{"level": 8}]])
def test_what_is_no_hotfix_is_named_and_not_shown(hotfixes):
    found = identity(updated(hotfixes=hotfixes))
    assert found.hotfixes == []
    assert found.problems == ["updates/config.json: 'hotfixes' lists what is no name of a hotfix."]
    assert SECRET not in found.model_dump_json()


def test_changelogs_tell_what_a_lost_configuration_does_not():
    changelogs = ["updates/changelog-0000-0008.md", "updates/update-summary-0008-0041.md"]
    lost = identity(IDENTITY_SERVER, changelogs)
    assert (lost.update_kind, lost.update_level) == (UpdateKind.UPDATES_2, 41)
    assert lost.problems == ["updates/config.json: missing, though changelogs tell of updates to level 41."]
    behind = identity(updated(), changelogs)
    assert behind.update_level == 8
    assert behind.problems == ["updates/config.json says level 8, the changelogs end with 41."]
    assert identity(updated(), changelogs[:1]).problems == []


def test_the_newest_build_time_of_wum_counts():
    files = [f"updates/summary/change-log+{time}.full.txt" for time in (1602089309903, 1591111111111)]
    found = identity({"bin/version.txt": b"WSO2 Enterprise Store v1.0.0"}, files)
    assert (found.update_kind, found.wum_timestamp, found.product) == (UpdateKind.WUM, 1602089309903, "wso2es")
