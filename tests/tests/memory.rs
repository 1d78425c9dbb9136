//! The suite over memory: any split of bytes, virtual time.

nanokafka_tests::suite!(nanokafka_tests::rig::MemoryRig);
