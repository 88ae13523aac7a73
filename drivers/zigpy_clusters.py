"""Our cluster tables for zigpy, which has only names for most clusters of the Smart Energy profile.

``register()`` puts them into zigpy's registry; zigpy then reads and builds their commands and attributes.
Names are ours in lower case with underscores (``Publish Price`` is ``publish_price``). Where the layout
depends on an earlier field, each case is a structure of its own, ``<field>_<value>``. zigpy is GPL-3.0 and
optional: nothing else of the bench imports this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import zigpy.types as t
from zigpy.zcl import Cluster as ZigpyCluster
from zigpy.zcl import foundation

from protocols.zigbee.zcl.clusters import Attribute, Cluster, Command, load
from protocols.zigbee.zcl.fields import RAW, Condition, Field, Fields, Switch

_TYPES: dict[str, Any] = {
    "bool": t.Bool,
    "e8": t.enum8,
    "e16": t.enum16,
    "octets": t.LVBytes,
    "chars": t.CharacterString,
    "date": t.Date,
    "tod": t.TimeOfDay,
    "time": t.UTCTime,
    "cluster": t.uint16_t,
    "attribute": t.uint16_t,
    "eui64": t.EUI64,
    "key": t.KeyData,
}
for _size in range(1, 9):
    _bits = 8 * _size
    _TYPES[f"u{_bits}"] = getattr(t, f"uint{_bits}_t")
    _TYPES[f"i{_bits}"] = getattr(t, f"int{_bits}s")
    _TYPES[f"b{_bits}"] = getattr(t, f"bitmap{_bits}")
    _TYPES[f"d{_bits}"] = getattr(t, f"data{_bits}")


def identifier(name: str) -> str:
    """A name of the tables as zigpy wants it."""
    plain = re.sub(r"\W+", "_", name.replace("(", " ").replace("#", " ")).strip("_").lower()
    return plain if plain[0].isalpha() else f"n{plain}"


def register(numbers: Iterable[int] | None = None) -> list[int]:
    """Put clusters into zigpy's registry, by default those that zigpy knows by name alone; gives which."""
    done: list[int] = []
    for number in load() if numbers is None else numbers:
        if numbers is None and _has_own(number):
            continue
        _register(load()[number])
        done.append(number)
    return done


def _has_own(number: int) -> bool:
    """Whether zigpy has attributes or commands of a cluster."""
    known = ZigpyCluster._registry.get(number)  # noqa: SLF001  # zigpy has no public way to ask
    if known is None:
        return False
    inherited = {attribute.id for attribute in ZigpyCluster.AttributeDefs}
    own = {attribute.id for attribute in known.AttributeDefs} - inherited
    return bool(own or known.server_commands or known.client_commands)


def _register(cluster: Cluster) -> None:
    base = ZigpyCluster._registry.get(cluster.number, ZigpyCluster)  # noqa: SLF001
    name = "".join(word.capitalize() for word in re.findall(r"\w+", cluster.name))
    attributes = {**cluster.client_attributes, **cluster.attributes}
    body: dict[str, Any] = {
        "cluster_id": cluster.number,
        "AttributeDefs": type(
            "AttributeDefs",
            (foundation.BaseAttributeDefs,),
            {identifier(each.name): _attribute(each) for each in attributes.values()},
        ),
        "ServerCommandDefs": _commands(cluster.commands_received),
        "ClientCommandDefs": _commands(cluster.commands_generated),
    }
    if base is ZigpyCluster:
        body["ep_attribute"] = f"smartenergy_{identifier(cluster.name)}"
    type(name, (base,), body)  # zigpy registers every subclass as it is made


def _attribute(attribute: Attribute) -> Any:
    return foundation.ZCLAttributeDef(
        id=attribute.number,
        type=_TYPES[attribute.type.code],
        zcl_type=foundation.DataTypeId(attribute.type.number),
        access=attribute.access,
        mandatory=attribute.mandatory,
    )


def _commands(commands: Mapping[int, Command]) -> Any:
    made = {
        identifier(command.name): foundation.ZCLCommandDef(
            id=command.number,
            schema=_structure(command.name, command.fields, foundation.CommandSchema),
        )
        for command in commands.values()
    }
    return type("CommandDefs", (foundation.BaseCommandDefs,), made)


def _structure(name: str, fields: Fields, base: Any) -> Any:
    """A zigpy structure of our fields."""
    body: dict[str, Any] = {"__annotations__": {}}
    for member in fields:
        made = _cases(member) if isinstance(member, Switch) else {identifier(member.name): _field(member)}
        body |= made
        body["__annotations__"] |= dict.fromkeys(made)
    return type(identifier(name), (base,), body)


def _cases(switch: Switch) -> dict[str, Any]:
    name = identifier(switch.name)
    return {
        f"{name}_{value}": t.StructField(
            type=_structure(f"{name}_{value}", case, t.Struct), requires=_equals(name, value)
        )
        for value, case in switch.cases.items()
    }


def _equals(name: str, value: int) -> Callable[[Any], bool]:
    return lambda struct: bool(getattr(struct, name) == value)


def _field(member: Field) -> Any:
    more: dict[str, Any] = {"optional": member.optional}
    if member.conditions:
        more["requires"] = _requires(member.conditions)
    if member.entries is not None:
        kind: Any = t.List[_entry(member)]
        if not member.rest:
            more["length"] = _length(member)
    elif member.type == RAW:
        kind = t.List[t.uint8_t] if member.of else t.Bytes
        if member.of:
            more["length"] = _octets(identifier(member.of))
    else:
        kind = _TYPES[member.type]
    return t.StructField(type=kind, **more)


def _entry(member: Field) -> Any:
    entries = member.entries or ()
    first = entries[0]
    if isinstance(first, Field) and not first.name:
        return _TYPES[first.type]
    return _structure(f"{member.name} entry", entries, t.Struct)


def _requires(conditions: tuple[Condition, ...]) -> Callable[[Any], bool]:
    names = [(identifier(each.name), each) for each in conditions]
    return lambda struct: all(each.holds({each.name: getattr(struct, name)}) for name, each in names)


def _length(member: Field) -> Callable[[Any], int]:
    name = identifier(member.count)
    return lambda struct: member.announced(getattr(struct, name) or 0)


def _octets(name: str) -> Callable[[Any], int]:
    return lambda struct: getattr(struct, name) or 0
