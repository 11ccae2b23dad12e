"""An EC2 machine: an image, which stays in AWS, and a document about it in the vault.

A drill launches a machine from the image where the deployment file says how (`launches`), and sees that it runs; else
it sees that the image is whole. The machine is terminated whatever happens; after a kill it is a leftover that expires.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.ec2_images import Image, copy_image, find_image, take_image
from lifeboat.aws.ec2_instances import find_machine, launch, terminate
from lifeboat.aws.names import Mark, image_name
from lifeboat.by_hand import Runbook
from lifeboat.deployment_cloud import MachineImage
from lifeboat.engines._cloud_unit import CloudUnit, RestoredInCloud
from lifeboat.engines.base import Capture, Restored
from lifeboat.errors import CloudMissingError, ConfigurationError
from lifeboat.manifest import MemberSnapshot, UnitSnapshot
from lifeboat.vault import Vault

_GIB = 1 << 30


class ImageEngine(CloudUnit):
    """Captures one EC2 machine."""

    kind = "image"
    algorithm: ClassVar[str] = "ec2-image/1"

    @property
    def machine(self) -> MachineImage:
        settings = self.settings
        assert isinstance(settings, MachineImage)
        return settings

    def identity(self) -> dict[str, str]:
        return {"instance": self.machine.instance}

    def preflight(self) -> dict[str, str]:
        cloud, instance = self.cloud(), self.machine.instance
        reservation = cloud.service("ec2").one("describe_instances", "Reservations", InstanceIds=[instance])
        state = reservation["Instances"][0]["State"]["Name"] if reservation else "gone"
        if state not in ("running", "stopped"):
            raise CloudMissingError(
                f"{self.unit}: EC2 instance {instance} in {cloud.region} is {state}.",
                next_step="Correct its id in the deployment file, or start it.",
            )
        return {}

    def capture(self, capture: Capture) -> UnitSnapshot:
        self.preflight()
        cloud, point = self.cloud(), capture.point.id
        name = image_name(self.runtime.deployment.name, point, str(self.unit))
        work = take_image(
            cloud, self.machine.instance, cloud.region, name, self.backup_mark(point), reboot=self.machine.reboot
        )
        image = self.finish(cloud, work)
        found = find_image(cloud, name, cloud.region) or {}
        document = {"account": cloud.account(), "region": cloud.region, "snapshot": image.document()}
        instant = datetime.fromisoformat(found["CreationDate"])
        return self.store(capture, document, name, _facts(found), instant, {})

    def copy_to(self, snapshot: UnitSnapshot, vault: Vault, site: str) -> None:
        document = self.document(snapshot, vault)
        image, there = Image(**document["snapshot"]), self.cloud(site)
        if there.account() != document["account"]:
            raise ConfigurationError(
                f"{self.unit}: images are copied between regions of one account; site '{site}' has another one.",
                next_step="Give the site the account of the machine, or take it out of `images`.",
            )
        if there.region == image.region:
            return
        key = self.runtime.deployment.sites[site].kms_key
        mark = self.backup_mark(document["point"])
        self.finish(there, copy_image(there, image, there.region, image.name, mark, kms_key=key))

    @contextmanager
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> Iterator[Restored]:
        document, cloud = self.document(snapshot, vault), self.cloud(self.at_site)
        image = find_image(cloud, document["snapshot"]["name"], cloud.region)
        if image is None or image["State"] != "available":
            yield self.lost(f"image {document['snapshot']['name']}")
            return
        restored = RestoredInCloud(str(self.unit), _facts(image), _facts(image)["gib"] * _GIB)
        how = self.machine.launches.get(self.at_site)
        if how is None:
            yield restored
            return
        mark = self.drill_mark(document)
        name = image_name("drill", self.runtime.deployment.name, document["point"], str(self.unit), self.at_site)
        try:
            self.finish(cloud, launch(cloud, image["ImageId"], cloud.region, name, how, mark))
            yield restored
        finally:
            self._terminate(cloud, name, mark)

    def _terminate(self, cloud: Cloud, name: str, mark: Mark) -> None:
        found = find_machine(cloud, name, cloud.region)
        if found is not None:
            self.finish(cloud, terminate(cloud, found["InstanceId"], cloud.region, mark))

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        region, image = shlex.quote(member.details["region"]), shlex.quote(str(member.proof.summary["name"]))
        steps = (
            f"REGION=${{REGION:-{region}}}\n"
            f'IMAGE=$(aws ec2 describe-images --region "$REGION" --owners self --filters Name=name,Values={image} \\\n'
            "    --query 'Images[0].ImageId' --output text)\n"
            'aws ec2 run-instances --region "$REGION" --image-id "$IMAGE" \\\n'
            '    --launch-template "LaunchTemplateName=$TARGET"\n'
        )
        in_place = "Point the load balancer or the DNS record at the new machine when its services run.\n"
        return Runbook(member.member, ("aws",), "TARGET", self.unit.name, member.size_bytes, steps, in_place)


def _facts(image: dict[str, Any]) -> dict[str, Any]:
    """Return what an image must have in common with its copies."""
    disks = [each["Ebs"] for each in image.get("BlockDeviceMappings") or () if "Ebs" in each]
    return {
        "architecture": image["Architecture"],
        "disks": len(disks),
        "gib": sum(int(each.get("VolumeSize") or 0) for each in disks),
    }


ENGINE = ImageEngine
