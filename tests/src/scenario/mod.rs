//! The scenarios, written once. Each is a test of its own on each rig: see [`suite!`](crate::suite).

pub mod answers;
pub mod batching;
pub mod closing;
pub mod content;
pub mod errors;
pub mod leaders;
pub mod memory;
pub mod metadata;
pub mod network;
pub mod startup;

/// Makes a test of each scenario on this rig.
///
/// ```ignore
/// nanokafka_tests::suite!(nanokafka_tests::rig::MemoryRig);
/// ```
#[macro_export]
macro_rules! suite {
    ($rig:ty) => {
        $crate::scenarios! {
            $rig;
            answers:
                a_spoiled_produce_answer_loses_nothing
                a_partition_that_is_answered_twice_is_reported_once
                a_spoiled_metadata_answer_is_asked_for_again
                a_spoiled_api_versions_answer_is_asked_for_again
                an_answer_that_never_comes_times_out_and_the_batch_is_sent_again
                an_answer_after_the_delivery_timeout_changes_nothing
                answers_that_come_together_are_told_apart
                a_throttled_broker_gets_no_request_before_its_time
                a_broker_that_waits_for_a_throttled_ones_connection_gets_it
                a_connection_cut_after_the_append_loses_nothing;
            batching:
                nothing_is_sent_before_linger_and_it_is_sent_then
                a_batch_that_is_full_does_not_wait_for_linger
                a_flush_does_not_wait_for_linger
                memory_that_runs_out_does_not_wait_for_linger
                records_without_a_key_fill_batches_and_then_change_partition
                one_request_in_flight_means_one
                five_requests_in_flight_mean_at_most_five
                a_request_takes_no_more_than_max_request_bytes;
            closing:
                close_with_time_left_delivers_everything
                close_without_time_left_reports_everything_and_shows_the_records
                close_tells_which_records_may_have_been_written
                close_before_anything_was_sent_is_quick
                a_closed_producer_takes_no_records;
            content:
                acks_all_asks_for_all
                acks_1_asks_for_the_leader
                acks_0_gets_no_answer_and_loses_nothing_on_a_good_connection
                keys_land_where_java_puts_them
                nulls_headers_and_timestamps_arrive_as_they_were
                values_written_in_place_arrive_as_they_were
                the_time_of_the_append_is_reported;
            errors:
                retriable_errors_are_retried_until_they_end
                retries_wait_longer_each_time
                fatal_errors_are_reported_with_the_code_and_the_next_record_goes
                retries_that_are_used_up_are_reported
                a_duplicate_sequence_is_a_success_without_an_offset
                one_partition_that_fails_does_not_hold_up_the_others
                too_large_for_the_broker_arrives_in_halves
                a_record_too_large_for_the_broker_is_reported
                an_error_that_ends_the_producer_is_told_once_and_reset_begins_anew
                acks_0_goes_on_after_an_error_it_cannot_see;
            leaders:
                three_brokers_with_six_partitions_get_their_records
                a_leader_that_moves_loses_nothing
                a_leader_that_moves_again_and_again_loses_nothing
                a_broker_that_restarts_loses_nothing
                a_broker_that_dies_is_replaced_by_the_next_leader
                a_cluster_that_restarts_at_another_time_each_loses_nothing
                offsets_stay_right_across_reconnects
                fewer_connections_than_leaders_take_turns
                a_topic_that_is_deleted_and_created_again_goes_on
                partitions_that_are_added_are_used;
            memory:
                a_record_larger_than_batch_bytes_goes_alone
                a_record_larger_than_the_slot_is_too_large
                full_memory_refuses_and_takes_again
                full_memory_without_a_cluster_keeps_what_it_has
                drop_oldest_makes_room_and_reports_what_it_dropped
                deliveries_that_nobody_takes_keep_their_memory;
            metadata:
                a_topic_that_is_created_late_gets_what_waited
                a_topic_that_the_broker_creates_on_demand
                a_topic_that_is_unknown_is_a_status_and_then_a_timeout
                a_topic_that_is_not_allowed_is_reported
                a_partition_without_a_leader_waits_and_the_others_go
                ten_thousand_brokers_and_a_table_of_three
                many_topics
                a_partition_that_stays_without_a_leader_is_asked_about_less_and_less
                an_old_answer_is_asked_for_again;
            network:
                one_byte_at_a_time
                any_split_of_bytes
                a_slow_connection
                a_long_way;
            startup:
                records_sent_before_metadata_keep_their_order
                a_bootstrap_entry_that_refuses_is_passed_over
                a_bootstrap_entry_that_does_not_resolve_is_passed_over
                a_bootstrap_entry_that_never_answers_is_passed_over
                a_port_that_refuses_is_a_status_and_then_a_timeout
                a_name_that_does_not_resolve_is_a_status_and_then_a_timeout
                an_address_that_never_answers_is_a_status_and_then_a_timeout
                a_port_that_speaks_http_is_passed_over
                a_port_that_speaks_tls_is_passed_over
                a_port_that_greets_first_is_passed_over
                a_port_that_says_nothing_is_passed_over
                each_release_gets_the_highest_version_that_both_know
                a_broker_that_is_too_new_is_a_status
                one_question_is_enough_to_begin
                an_idle_producer_sleeps
                an_idle_connection_is_closed_and_opened_again_for_the_next_record
                brokers_behind_nat_are_reached_through_the_address_map;
        }
    };
}

/// See [`suite!`](crate::suite).
#[doc(hidden)]
#[macro_export]
macro_rules! scenarios {
    ($rig:ty; $($module:ident: $($name:ident)+;)+) => {
        $(mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[test]
                fn $name() {
                    $crate::scenario::$module::$name::<$rig>();
                }
            )+
        })+
    };
}
