"""A hub of our own on 127.0.0.1 that speaks AI Hub's API, down to its oddities: the demo, and the ground of the tests.

catalogue.py, offer.py   datasets, and the standard catalogue; content.py, archives.py make their bytes
pages.py, answers.py     the texts that the hub answers with
tarball.py               the tar of pieces
faults.py                what can go wrong, switched on by tests
desk.py, conversation.py  what is remembered, asked and answered; wire.py, hub.py: sockets
"""
