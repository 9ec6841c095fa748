"""The command `sms-emulator`: one file for each of its commands."""
