import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;

/**
 * What the tests ask of a real cluster, done by Kafka's own clients, so that nanokafka is never judged by nanokafka.
 *
 * Lines of plain text in (standard input) and out (standard output), bytes in hexadecimal, "-" for null.
 * Exit status 1 and one line on standard error when something went wrong.
 */
public final class KafkaTool {
    private static final HexFormat HEX = HexFormat.of();
    private static final Duration WAIT_MAX = Duration.ofSeconds(60);
    private static final String USAGE = String.join("\n",
        "usage: KafkaTool BOOTSTRAP COMMAND ...",
        "  create-topic NAME PARTITIONS REPLICAS       brokers choose the leaders",
        "  create-topic NAME 0:1,2,3;1:2,3,1           partition:replicas, the first one leads",
        "  delete-topic NAME",
        "  add-partitions NAME TOTAL",
        "  leaders NAME                                prints: partition leader",
        "  move-leader NAME PARTITION NODE",
        "  end-offsets NAME                            prints: partition offset",
        "  read NAME                                   prints: partition offset timestamp key value headers",
        "  produce NAME                                reads: partition|* key|- value|-; prints: partition offset",
        "  partition-for N                             reads: key; prints: murmur2 partition");

    private final String bootstrap;
    private final PrintStream out;

    private KafkaTool(String bootstrap, PrintStream out) {
        this.bootstrap = bootstrap;
        this.out = out;
    }

    public static void main(String[] args) {
        int status = 0;
        try (PrintStream out = new PrintStream(new java.io.BufferedOutputStream(System.out, 1 << 16))) {
            if (args.length < 2) {
                throw new IllegalArgumentException(USAGE);
            }
            new KafkaTool(args[0], out).run(args[1], List.of(args).subList(2, args.length));
        } catch (ExecutionException e) {
            System.err.println("error: " + e.getCause());
            status = 1;
        } catch (Exception e) {
            System.err.println("error: " + e);
            status = 1;
        }
        // Clients may leave threads behind that would keep the machine from ending.
        System.exit(status);
    }

    private void run(String command, List<String> a) throws Exception {
        switch (command) {
            case "create-topic" -> createTopic(a);
            case "delete-topic" -> withAdmin(admin -> admin.deleteTopics(List.of(a.get(0))).all().get());
            case "add-partitions" -> withAdmin(admin -> admin.createPartitions(
                Map.of(a.get(0), NewPartitions.increaseTo(Integer.parseInt(a.get(1))))).all().get());
            case "leaders" -> leaders(a.get(0));
            case "move-leader" -> moveLeader(a.get(0), Integer.parseInt(a.get(1)), Integer.parseInt(a.get(2)));
            case "end-offsets" -> endOffsets(a.get(0));
            case "read" -> read(a.get(0));
            case "produce" -> produce(a.get(0));
            case "partition-for" -> partitionFor(Integer.parseInt(a.get(0)));
            default -> throw new IllegalArgumentException("no command " + command + "\n" + USAGE);
        }
    }

    private interface AdminTask {
        void run(Admin admin) throws Exception;
    }

    private void withAdmin(AdminTask task) throws Exception {
        try (Admin admin = Admin.create(properties())) {
            task.run(admin);
        }
    }

    private Properties properties() {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        return p;
    }

    private static TopicDescription describe(Admin admin, String topic) throws Exception {
        return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    }

    private void createTopic(List<String> a) throws Exception {
        String name = a.get(0);
        NewTopic topic = a.get(1).contains(":")
            ? new NewTopic(name, parseAssignment(a.get(1)))
            : new NewTopic(name, Integer.parseInt(a.get(1)), Short.parseShort(a.get(2)));
        withAdmin(admin -> admin.createTopics(List.of(topic)).all().get());
    }

    private static Map<Integer, List<Integer>> parseAssignment(String text) {
        Map<Integer, List<Integer>> assignment = new TreeMap<>();
        for (String partition : text.split(";")) {
            String[] parts = partition.split(":");
            assignment.put(Integer.parseInt(parts[0]),
                List.of(parts[1].split(",")).stream().map(Integer::parseInt).collect(Collectors.toList()));
        }
        return assignment;
    }

    private void leaders(String topic) throws Exception {
        withAdmin(admin -> {
            for (TopicPartitionInfo p : describe(admin, topic).partitions()) {
                out.println(p.partition() + " " + (p.leader() == null ? -1 : p.leader().id()));
            }
        });
    }

    private void moveLeader(String topic, int partition, int node) throws Exception {
        TopicPartition tp = new TopicPartition(topic, partition);
        withAdmin(admin -> {
            List<Integer> replicas = describe(admin, topic).partitions().get(partition).replicas().stream()
                .map(Node::id).collect(Collectors.toCollection(ArrayList::new));
            int count = replicas.size();
            replicas.remove(Integer.valueOf(node));
            replicas.add(0, node);
            admin.alterPartitionReassignments(Map.of(tp, Optional.of(
                new NewPartitionReassignment(replicas.subList(0, count))))).all().get();
            long end = System.nanoTime() + WAIT_MAX.toNanos();
            while (!leads(admin, tp, node)) {
                if (System.nanoTime() > end) {
                    throw new IllegalStateException(tp + " was not led by node " + node + " within " + WAIT_MAX);
                }
                Thread.sleep(100);
            }
        });
    }

    /** Whether node leads; asks for a preferred election when only that is missing. */
    private static boolean leads(Admin admin, TopicPartition tp, int node) throws Exception {
        if (!admin.listPartitionReassignments(Set.of(tp)).reassignments().get().isEmpty()) {
            return false;
        }
        try {
            admin.electLeaders(ElectionType.PREFERRED, Set.of(tp)).partitions().get().get(tp)
                .filter(e -> !(e instanceof ElectionNotNeededException))
                .ifPresent(e -> System.err.println("election: " + e));
        } catch (ExecutionException e) {
            System.err.println("election: " + e.getCause());
        }
        Node leader = describe(admin, tp.topic()).partitions().get(tp.partition()).leader();
        return leader != null && leader.id() == node;
    }

    private KafkaConsumer<byte[], byte[]> consumer() {
        Properties p = properties();
        p.put("enable.auto.commit", "false");
        p.put("auto.offset.reset", "earliest");
        p.put("isolation.level", "read_uncommitted");
        p.put("allow.auto.create.topics", "false");
        p.put("max.poll.records", "10000");
        return new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static List<TopicPartition> partitions(KafkaConsumer<?, ?> consumer, String topic) {
        List<TopicPartition> found = consumer.partitionsFor(topic).stream()
            .map(p -> new TopicPartition(topic, p.partition())).collect(Collectors.toList());
        if (found.isEmpty()) {
            throw new IllegalStateException("topic " + topic + " does not exist");
        }
        return found;
    }

    private void endOffsets(String topic) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            new TreeMap<>(consumer.endOffsets(partitions(consumer, topic)).entrySet().stream()
                .collect(Collectors.toMap(e -> e.getKey().partition(), Map.Entry::getValue)))
                .forEach((partition, offset) -> out.println(partition + " " + offset));
        }
    }

    private void read(String topic) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            Collection<TopicPartition> all = partitions(consumer, topic);
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> left = new HashMap<>(consumer.endOffsets(all));
            left.entrySet().removeIf(e -> consumer.position(e.getKey()) >= e.getValue());
            long end = System.nanoTime() + WAIT_MAX.toNanos();
            while (!left.isEmpty()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    print(record);
                    end = System.nanoTime() + WAIT_MAX.toNanos();
                }
                left.entrySet().removeIf(e -> consumer.position(e.getKey()) >= e.getValue());
                if (System.nanoTime() > end) {
                    throw new IllegalStateException("nothing came for " + WAIT_MAX + "; still to read: " + left);
                }
            }
        }
    }

    private void print(ConsumerRecord<byte[], byte[]> r) {
        StringBuilder line = new StringBuilder(128);
        line.append(r.partition()).append(' ').append(r.offset()).append(' ').append(r.timestamp()).append(' ')
            .append(hex(r.key())).append(' ').append(hex(r.value())).append(' ');
        String separator = "";
        for (Header h : r.headers()) {
            line.append(separator).append(hex(h.key().getBytes(StandardCharsets.UTF_8)))
                .append('=').append(hex(h.value()));
            separator = ",";
        }
        out.println(line);
    }

    private void produce(String topic) throws Exception {
        Properties p = properties();
        p.put("acks", "all");
        try (KafkaProducer<byte[], byte[]> producer =
                 new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (String line : lines()) {
                String[] f = line.split(" ", -1);
                Integer partition = f[0].equals("*") ? null : Integer.valueOf(f[0]);
                sent.add(producer.send(new ProducerRecord<>(topic, partition, unhex(f[1]), unhex(f[2]))));
            }
            producer.flush();
            for (Future<RecordMetadata> future : sent) {
                RecordMetadata at = future.get();
                out.println(at.partition() + " " + at.offset());
            }
        }
    }

    private void partitionFor(int count) throws IOException {
        for (String line : lines()) {
            byte[] key = unhex(line);
            out.println(Utils.murmur2(key) + " " + BuiltInPartitioner.partitionForKey(key, count));
        }
    }

    private static List<String> lines() throws IOException {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII)).lines().toList();
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? "-" : HEX.formatHex(bytes);
    }

    private static byte[] unhex(String text) {
        return text.equals("-") ? null : HEX.parseHex(text);
    }
}
