"""What must outlive every process: the ledger, the objects, and the datasets published through them.

The rooms below import SQLAlchemy, boto3 and pyarrow only where they are used; importing this package imports
none of them.
"""
