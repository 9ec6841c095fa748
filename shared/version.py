"""The version of fc-sms, as log lines, answers and `operate` name it."""

VERSION = "0.1.0"
