"""The object model of emulated devices, read from the catalogue.

``definition`` has one immutable definition per device type: every COSEM attribute and method that the
catalogue's use cases name for it, with type, default, access by remote party role and clause. What a device
holds beyond its defaults is an overlay in its storage, so that an idle device costs next to nothing.
``behaviour`` has, object by object, the code that the specification asks for beyond storing a value.
"""
