import java.io.File;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.record.internal.FileLogInputStream;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;

/**
 * Reads files of record batches as Apache Kafka reads the segments of its log, and says what it found, a line each.
 *
 * <p>Arguments: the files of a list, one for each partition, in their order. Exit code 1 with the reason if a batch or a
 * record is not valid, if bytes are left over, if offsets have a gap, if a key occurs twice, or if a key lies in another
 * partition than Kafka's own partitioner says.
 */
public class Referee {
    public static void main(String[] files) throws Exception {
        Set<ByteBuffer> keys = new HashSet<>();
        for (int partition = 0; partition < files.length; partition++) {
            File file = new File(files[partition]);
            int batches = 0;
            long bytes = 0, records = 0;
            String codec = "no batch";
            try (FileRecords opened = FileRecords.open(file, false)) {
                for (FileLogInputStream.FileChannelRecordBatch batch : opened.batches()) {
                    batch.ensureValid();
                    batches++;
                    bytes += batch.sizeInBytes();
                    codec = batch.compressionType().name;
                    require(batch.magic() == 2, "magic is " + batch.magic());
                    for (Record record : batch) {
                        record.ensureValid();
                        require(record.offset() == records, "offset is " + record.offset() + ", expected " + records);
                        records++;
                        byte[] key = new byte[record.keySize()];
                        record.key().get(key);
                        int expected = BuiltInPartitioner.partitionForKey(key, files.length);
                        require(expected == partition, "a key of partition " + expected + " in " + partition);
                        require(keys.add(ByteBuffer.wrap(key)), "a key twice");
                    }
                }
            }
            require(bytes == file.length(), (file.length() - bytes) + " bytes left over");
            System.out.println(codec + " batches " + batches + " records " + records + " bytes " + bytes);
        }
        System.out.println("keys " + keys.size());
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }
}
