"""From facts to text, SVG, HTML and JSON: objects that answer `text svg html json`."""
