"""A restore point before an update: by hand, with what the person typed in the manifest."""

from tests.e2e.world import World


def test_the_form_is_in_the_manifest_and_the_patches_in_the_facts(world: World) -> None:
    run = world.trigger("before.pre_upgrade_snapshot", {"reason": "level 41", "target_level": "41"}).wait()
    assert {task["try_number"] for task in run.tasks().values()} == {1}
    manifest = world.catalog.point("before", run.result("seal")).manifest
    assert (manifest.kind, manifest.reason) == ("pre_upgrade", "level 41")
    assert manifest.labels == {"target_level": "41"}
    assert f"Patches of before at restore point {manifest.id}" in run.log("seal")
    identities = [member.details["identity"] for member in manifest.members()]
    assert [each["patches"] for each in identities] == [["patch0001"]] * 4


def test_an_empty_form_leaves_no_label(world: World) -> None:
    run = world.trigger("before.pre_upgrade_snapshot").wait()
    manifest = world.catalog.point("before", run.result("seal")).manifest
    assert (manifest.reason, manifest.labels) == ("", {})
