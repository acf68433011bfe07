"""Where both frozen programs begin: they share their modules, and their name tells them apart."""

import os
import sys
from pathlib import Path

# Where our libraries lie is known by now; what the system starts for us (a file manager, a browser) must load its own.
for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
    if (before := os.environ.pop(f"{name}_ORIG", None)) is not None:
        os.environ[name] = before
    elif sys.platform != "win32":
        os.environ.pop(name, None)

if Path(sys.executable).stem == "aihub-desktop":
    from aihub_desktop.gui.__main__ import main
else:
    from aihub_desktop.__main__ import main

sys.exit(main())
