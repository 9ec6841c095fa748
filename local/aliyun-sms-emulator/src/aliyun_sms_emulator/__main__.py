"""`python -m aliyun_sms_emulator` is the command `sms-emulator`."""

import sys

from aliyun_sms_emulator.commands.cli import main

sys.exit(main())
