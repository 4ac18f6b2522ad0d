"""From hooks and operations to a tape.

    >>> import clownviz.capture.tape
    >>> clownviz.capture.tape.Call(0, "block.0", number=2, kind="Block").label
    'block.0#2'
"""
