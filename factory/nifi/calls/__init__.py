"""The calls of NiFi's REST API that driving a flow takes, one module for each thing called."""
