"""Built-in suites; in the wheel they are ``hil.suites``. They reach devices through users, devices and ports alone."""
