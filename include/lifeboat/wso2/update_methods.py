"""All methods of updating, by name."""

from lifeboat.errors import ConfigurationError
from lifeboat.wso2.pack_reference import ReferencePack
from lifeboat.wso2.pack_source import PackSource
from lifeboat.wso2.pack_wum import Wum
from lifeboat.wso2.update_in_place import InPlace
from lifeboat.wso2.update_method import UpdateMethod
from lifeboat.wso2.update_pack import Distribute, FromWum, PackReplacement
from lifeboat.wso2.update_script import Script
from lifeboat.wso2.update_updates2 import UpdatesTwo

METHODS: dict[str, type[UpdateMethod]] = {
    each.name: each for each in (UpdatesTwo, Distribute, PackReplacement, Script, InPlace, FromWum)
}
#: Where those methods get their pack from that make it ready before any server is touched.
SOURCES: dict[str, type[PackSource]] = {Distribute.name: ReferencePack, FromWum.name: Wum}


def update_method(name: str) -> type[UpdateMethod]:
    """Given a method's name, return its class. Raise ConfigurationError, listing the known ones, for others."""
    if name not in METHODS:
        raise ConfigurationError(
            f"'{name}' is not a known method of updating.", next_step=f"Use one of: {', '.join(METHODS)}."
        )
    return METHODS[name]
