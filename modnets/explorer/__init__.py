"""The app for JupyterLab: one network to play with."""
