"""moto, made as strict as AWS documents itself to be where Lifeboat relies on it.

moto 5.2 makes a second image of one name, honours no ClientToken, overwrites a database that is restored to a time,
puts no tags on copied images, keeps the snapshots of images that go, keeps a promoted replica a replica, and copies
nothing from another account. A test on it would see no doubles.
"""

from typing import Any

import pytest
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.amis import Ami
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.instances import InstanceResponse
from moto.rds.exceptions import DBInstanceAlreadyExists, DBSnapshotNotFoundFault
from moto.rds.models import RDSBackend, rds_backends


def be_strict(patch: pytest.MonkeyPatch) -> None:
    """Let moto refuse what AWS refuses, until the patch is undone."""
    answers: dict[tuple[str, str, str], Any] = {}
    patch.setattr(AmisResponse, "create_image", _create_image(AmisResponse.create_image))
    patch.setattr(AmisResponse, "copy_image", _by_token(answers, _copy_image(AmisResponse.copy_image)))
    patch.setattr(InstanceResponse, "run_instances", _by_token(answers, InstanceResponse.run_instances))
    patch.setattr(AmisResponse, "deregister_image", _deregister_image(AmisResponse.deregister_image))
    patch.setattr(Ami, "block_device_mappings", property(_with_encryption(Ami.block_device_mappings.fget)))
    patch.setattr(EC2Backend, "create_image", _without_snapshot_tags(EC2Backend.create_image))
    patch.setattr(
        RDSBackend,
        "restore_db_instance_to_point_in_time",
        _refuse_a_second(RDSBackend.restore_db_instance_to_point_in_time),
    )
    patch.setattr(RDSBackend, "get_db_snapshot", _shared_ones_too(RDSBackend.get_db_snapshot))
    patch.setattr(RDSBackend, "promote_read_replica", _promoted(RDSBackend.promote_read_replica))


def _tags(response: Any) -> dict[str, dict[str, str]]:
    return {
        each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        for each in response._get_param("TagSpecifications", [])
    }


def _finish_image(response: Any, answer: Any, *, encrypted: bool = False) -> Any:
    """Tag an image that was made and the snapshots under it."""
    image = response.ec2_backend.amis[answer.result["ImageId"]]
    tags = _tags(response)
    image.add_tags(tags.get("image", {}))
    snapshot = response.ec2_backend.snapshots[image.ebs_snapshot.id]
    snapshot.add_tags(tags.get("snapshot", {}))
    snapshot.encrypted = encrypted
    return answer


def _refuse_name(response: Any) -> None:
    name = response._get_param("Name")
    if any(each.name == name for each in response.ec2_backend.amis.values()):
        raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use")


def _create_image(create: Any) -> Any:
    def created(self: Any) -> Any:
        _refuse_name(self)
        return _finish_image(self, create(self))

    return created


def _copy_image(copy: Any) -> Any:
    def copied(self: Any) -> Any:
        _refuse_name(self)
        return _finish_image(self, copy(self), encrypted=bool(self._get_param("Encrypted")))

    return copied


def _without_snapshot_tags(create: Any) -> Any:
    def created(self: Any, *arguments: Any, tag_specifications: list[dict[str, Any]], **more: Any) -> Any:
        images = [each for each in tag_specifications if each["ResourceType"] == "image"]
        return create(self, *arguments, tag_specifications=images, **more)

    return created


def _with_encryption(mappings: Any) -> Any:
    def mapped(self: Any) -> Any:
        found = mappings(self)
        found[0]["Ebs"]["Encrypted"] = self.ebs_snapshot.encrypted
        return found

    return mapped


def _deregister_image(deregister: Any) -> Any:
    def deregistered(self: Any) -> Any:
        image = self.ec2_backend.amis.get(self._get_param("ImageId"))
        answer = deregister(self)
        if image is not None and self._get_param("DeleteAssociatedSnapshots"):
            self.ec2_backend.delete_snapshot(image.ebs_snapshot.id)
        return answer

    return deregistered


def _by_token(answers: dict[tuple[str, str, str], Any], make: Any) -> Any:
    """Answer a repeated request with what was answered before; one with other parameters is refused."""

    def made(self: Any) -> Any:
        token = self._get_param("ClientToken")
        key = (make.__qualname__, self.region, token)
        asked = dict(self.params)
        if key in answers:
            before, answer = answers[key]
            if before != asked:
                raise EC2ClientError("IdempotentParameterMismatch", "The token was used with other parameters")
            return answer
        answer = make(self)
        if token:
            answers[key] = (asked, answer)
        return answer

    return made


def _refuse_a_second(restore: Any) -> Any:
    def restored(self: Any, source: str, target: str, overrides: Any) -> Any:
        if target in self.databases:
            raise DBInstanceAlreadyExists()
        return restore(self, source, target, overrides)

    return restored


def _shared_ones_too(get: Any) -> Any:
    """Find a snapshot of another account by its ARN, if that shares it."""

    def found(self: Any, name: str) -> Any:
        _, _, _, region, account, *_ = name.split(":") if name.startswith("arn:") else (*[""] * 4, self.account_id)
        if account == self.account_id:
            return get(self, name)
        snapshot = rds_backends[account][region].database_snapshots.get(name.rpartition(":")[2])
        if snapshot is None or self.account_id not in snapshot.attributes.get("restore", []):
            raise DBSnapshotNotFoundFault(name)
        return snapshot

    return found


def _promoted(promote: Any) -> Any:
    def promoted(self: Any, db_kwargs: Any) -> Any:
        database = promote(self, db_kwargs)
        database.source_db_instance_identifier = None
        return database

    return promoted
