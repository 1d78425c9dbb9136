//! The suite over tokio.

nanokafka_tests::suite!(nanokafka_tests::rig::TokioRig);
