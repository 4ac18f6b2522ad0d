"""Live views: facts and bytes of the views below, through the front's modules, into anywidget."""
