"""Reference replies: commands of a file answered by fresh emulated devices, and compared with its replies.

The device never sees a reply. What its answer lacks is read from the reply afterwards: values, which are put
into the store of another fresh device (``given``), and failures, which are injected into it (``refused``).
"""
