"""Which active value each passive value becomes at its activation date, by the catalogue's names.

SMETS calls a passive value "... Next" and the active one "... Current" or nothing; objects that exist twice
differ in one octet of their OBIS code. An activation date belongs to the values that share its SMETS object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.objects.definition import DeviceObjects, Member

# Activation attribute by class, and the pairs of passive and active attributes in the same object.
ACTIVATIONS: dict[int, tuple[int, dict[int, int]]] = {
    20: (10, {6: 2, 7: 3, 8: 4, 9: 5}),
    111: (13, {}),
    113: (7, {6: 5}),
    9000: (6, {4: 2, 5: 3}),
}
# Which octet of the OBIS code is 1 in the passive object and 0 in the active one.
_TWINS = {10: 1, 11: 1, 111: 1, 21: 3}
_NEXT = "Next"

Pair = tuple[Place, Place]


def is_activation(place: Place) -> bool:
    """Whether an attribute is an activation date."""
    return not place.is_method and ACTIVATIONS.get(place.class_id, (0,))[0] == place.number


def pairs(objects: DeviceObjects, activation: Place) -> list[Pair]:
    """Passive and active places of one activation date."""
    found = []
    for passive, active in ACTIVATIONS[activation.class_id][1].items():
        source, target = activation._replace(number=passive), activation._replace(number=active)
        if source in objects.members:
            found.append((source, _target(objects, objects.members[source], target)))
    subject = _subject(objects.members[activation])
    for place, member in objects.members.items():
        twin = _twin(place)
        if twin is not None and twin in objects.members and _belongs(_subject(member), subject, place):
            found.append((place, twin))
    return found


def _subject(member: Member) -> str:
    return member.name.split(":")[0]


def _belongs(own: str, subject: str, place: Place) -> bool:
    # Thresholds are named one by one, their activation date as the matrix that they make up.
    return own.startswith(subject) if place.class_id == 21 else own == subject


def _twin(place: Place) -> Place | None:
    at = _TWINS.get(place.class_id)
    if at is None or place.is_method or place.obis[at] != 1:
        return None
    return place._replace(obis=place.obis[:at] + b"\x00" + place.obis[at + 1 :])


def _target(objects: DeviceObjects, passive: Member, usual: Place) -> Place:
    """The active attribute of the same object or, where it has none, that of the same name elsewhere."""
    if usual in objects.members or not passive.name.endswith(_NEXT):
        return usual
    stem = passive.name.removesuffix(_NEXT)
    names = {stem, f"{stem}Current"}
    elsewhere = (place for place, member in objects.members.items() if member.name in names)
    return next(elsewhere, usual)
