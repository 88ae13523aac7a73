"""The inside of the pytest plugin; loaded only when ``--rig`` is given."""
