"""Operators on EC2 that Airflow's own provider lacks."""

from collections.abc import Sequence
from typing import Any

from lifeboat_airflow.aws import CloudOperator


class Ec2TakeImageOperator(CloudOperator):
    """Makes an image of a machine, and waits until it is whole.

    :param instance: the machine's id
    :param name: the image's name
    :param reboot: whether AWS restarts the machine, so that its file systems are whole
    """

    template_fields: Sequence[str] = (*CloudOperator.template_fields, "instance", "name")

    def __init__(self, *, instance: str, name: str, reboot: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.instance = instance
        self.name = name
        self.reboot = reboot

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.ec2_images import take_image

        return take_image(cloud, self.instance, cloud.region, self.name, mark, reboot=self.reboot)


class Ec2CopyImageOperator(CloudOperator):
    """Copies an image to this task's region, encrypted with a key of that region.

    :param image: what Ec2TakeImageOperator returned: name, id, region, encrypted
    :param name: the copy's name
    :param kms_key: a key of this region; without it the account's default one
    """

    template_fields: Sequence[str] = (*CloudOperator.template_fields, "image", "name", "kms_key")

    def __init__(self, *, image: Any, name: str, kms_key: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.name = name
        self.kms_key = kms_key

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.ec2_images import Image, copy_image

        return copy_image(cloud, Image(**self.image), cloud.region, self.name, mark, kms_key=self.kms_key)


class Ec2LaunchOperator(CloudOperator):
    """Launches a machine from an image of this task's region, once for each run, and waits until it runs.

    :param image: the image's id
    :param name: the machine's name
    :param how: template, template_version, instance_type, subnet, security_groups, key_name, instance_profile,
        private_address
    """

    template_fields: Sequence[str] = (*CloudOperator.template_fields, "image", "name", "how")

    def __init__(self, *, image: str, name: str, how: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.name = name
        self.how = how

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.ec2_instances import launch
        from lifeboat.deployment_cloud import Launch

        return launch(cloud, self.image, cloud.region, self.name, Launch.model_validate(self.how), mark)

    def document(self, result: Any) -> Any:
        return {"instance": result.id, "address": result.address}
