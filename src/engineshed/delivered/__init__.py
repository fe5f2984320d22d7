"""Logs that a platform delivers as objects: pushed whole again and again, gzipped or not, rolled by the hour.

An engine gives this room a `RangeSource` for each stream (`stdout`, `stderr`, ..): what was delivered of it, and bytes
by range. It gets back what its `logs` must answer: at most 64 KiB a call, whole lines, nothing twice, nothing left out,
whichever process asks with the cursor. An engine keeps one `DeliveredLogs`, so that a log of any size is decoded once
and a store is not asked at each poll. No SDK, no network, no store is known here.
"""

from engineshed.delivered.logs import DeliveredLog, DeliveredLogs
from engineshed.delivered.parts import Part, RangeSource, rolled

__all__ = ["DeliveredLog", "DeliveredLogs", "Part", "RangeSource", "rolled"]
