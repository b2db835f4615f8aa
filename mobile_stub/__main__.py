"""`python -m mobile_stub` is the same as `mobile-stub`."""

import sys

from mobile_stub.cli import main

sys.exit(main())
