"""Amazon's cloud: databases of RDS and machines of EC2, for backup and recovery.

Everything goes through `cloud.Service.call`, which repeats what may pass and translates what does not. What takes long
is a `work.Work`: a generator that yields what to wait for, and that can be run again from its beginning at any time.
"""
