"""Which processes a session is: identities, their tree, and the signals that reach just those."""
