"""Our ES modules and styles, and `link`, which joins them into the one text a page needs.

>>> from clownviz.front.link import link
>>> link("look.js").count("export {")
1
"""
