"""The ZigBee Cluster Library's commands and the Smart Energy clusters as data, one row per line.

``general.json`` has the commands all clusters share; every other file is a cluster. An attribute's row is
``[number, name, type, access, presence, more]``: access ``r``, ``w`` or ``rw``, presence ``M`` (mandatory) or
``O``; ``more`` may name the ``enum`` or ``bits`` of its values, and a ``series`` of so many attributes from
this number on (every ``step``), where ``{n}`` in the name counts from ``first``. A command's row is ``[name,
presence, fields]``; ``fields.fields_from`` says what a field's row is. ``received`` and ``generated`` are the
server's view. ``sources`` says where the facts come from, and what was compared with a second source.
"""
