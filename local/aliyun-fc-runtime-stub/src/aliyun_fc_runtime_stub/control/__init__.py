"""The API 2023-03-30 of Function Compute, as far as a deploy uses it.

What the fc3 component of Serverless Devs (https://github.com/devsapp/fc3) calls, in its order, and
what the official SDKs (alibabacloud_fc20230330) send.
"""
