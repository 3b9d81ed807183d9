"""The background process: the only writer of observations. `service.py` is its loop."""
