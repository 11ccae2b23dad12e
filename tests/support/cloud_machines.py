"""Real sshds behind moto's machines: each answers at an address of its own, as long as the machine runs."""

import itertools
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance

from lifeboat.sample import process_keeper
from tests.support.cloud_time import takes_time
from tests.support.sshd import SshKeys, TestSshd


class _Machine(TestSshd):
    """An sshd with which everything ends that was started over it, also what has left its session."""

    _keeper: ClassVar[tuple[str, ...]] = (sys.executable, process_keeper.__file__, "0")


class CloudMachines:
    """The machines of a fake cloud, all with the same keys and the same port.

    :param network: the first three numbers of their addresses; all of 127.0.0.0/8 is the loopback on Linux
    """

    def __init__(self, directory: Path, keys: SshKeys, network: str, port: int, seconds: float) -> None:
        self._directory, self._keys, self._network, self._port, self._seconds = directory, keys, network, port, seconds
        self._numbers = itertools.count(2)
        self._machines: dict[str, _Machine] = {}
        self._lock = threading.Lock()

    def serve(self, patch: pytest.MonkeyPatch) -> None:
        """Let moto's machines be real, and its images take their time, until the patch is undone."""
        patch.setattr(EC2Backend, "run_instances", self._launched(EC2Backend.run_instances))
        for name in ("create_image", "copy_image"):
            patch.setattr(EC2Backend, name, self._in_time(getattr(EC2Backend, name)))
        for name in ("stop", "terminate"):
            patch.setattr(Instance, name, self._ended(getattr(Instance, name)))
        patch.setattr(Instance, "start", self._started(Instance.start))

    def stop(self) -> None:
        """Stop them all."""
        with self._lock:
            while self._machines:
                self._machines.popitem()[1].stop()

    def _launched(self, launch: Any) -> Any:
        def launched(backend: Any, image_id: str, *arguments: Any, **more: Any) -> Any:
            image = backend.amis.get(image_id)
            if image is not None and image.state != "available":
                raise EC2ClientError("InvalidAMIID.Unavailable", f"The image {image_id} is {image.state}")
            reservation = launch(backend, image_id, *arguments, **more)
            for instance in reservation.instances:
                self._give_address(instance, more.get("private_ip"))
                self._open(instance)
                instance._state.code = 0
                takes_time(instance._state, "name", "pending", "running", self._seconds)
            return reservation

        return launched

    def _give_address(self, instance: Any, asked: str | None) -> None:
        address = asked if asked and asked.startswith("127.") else f"{self._network}.{next(self._numbers)}"
        interface = instance.nics[0]
        interface.private_ip_address = interface.public_ip = address
        interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]

    def _open(self, instance: Any) -> None:
        directory = self._directory / instance.id
        directory.mkdir(exist_ok=True)
        with self._lock:
            self._machines[instance.id] = _Machine(
                directory, address=instance.private_ip, port=self._port, keys=self._keys
            )

    def _started(self, start: Any) -> Any:
        def started(instance: Any) -> Any:
            if instance.id not in self._machines:
                self._open(instance)
            return start(instance)

        return started

    def _ended(self, end: Any) -> Any:
        def ended(instance: Any) -> Any:
            with self._lock:
                machine = self._machines.pop(instance.id, None)
            if machine is not None:
                machine.stop()
            return end(instance)

        return ended

    def _in_time(self, make: Any) -> Any:
        def made(*arguments: Any, **more: Any) -> Any:
            image = make(*arguments, **more)
            takes_time(image, "state", "pending", "available", self._seconds)
            return image

        return made
