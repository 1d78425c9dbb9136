//! The suite over smoltcp.

nanokafka_tests::suite!(nanokafka_tests::rig::SmoltcpRig);
