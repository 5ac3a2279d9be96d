"""A finished study as one file of HTML that needs nothing else: text, figures, networks, replay."""
