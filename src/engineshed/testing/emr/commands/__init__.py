"""Commands on the PATH of a cluster's machines: `spark-submit`, `yarn`, `aws`, `sudo`. Each is a process of its own."""
