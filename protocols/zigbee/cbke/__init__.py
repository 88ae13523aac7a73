"""Certificate based key establishment (ZigBee Smart Energy annex C), suites 1 (sect163k1) and 2 (sect283k1).

``machine`` is what a device uses; ``credentials``, ``material`` and ``authority`` give it its certificate.
Below are the messages, the key agreement, the certificates and the curves.

What proves it, in the tests: libcrypto for the arithmetic of both curves and, with a second implementation of
the key agreement on top of it, for both suites; the ECMQV vector of SEC GEC 2 (sect163k1); annex C.5 from the
certificates to the MACs (suite 1); annex C.6 from the shared secret to the MACs (suite 2). Where certificates
of a real authority can be had, they are checked as well (the tests say where).

What stays unproved: no exchange has been run against a device that somebody else made; nor does the project
hold a published vector for the ECMQV step of suite 2. When devices give up, and which status they send for
what, follows the standard as far as open implementations show it.
"""
