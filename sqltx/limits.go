package sqltx

// Limits are the sizes a SQL request may have. The server shows them in
// /health and may change each of them; start from DefaultLimits.
type Limits struct {
	// ItemsMax bounds the items of one transaction.
	ItemsMax int
	// ValuesMax bounds the values of all its items, which take far more memory than the
	// two bytes that a short one takes in a body. Those of batches are packed, and take a
	// few times their body at most: its limit bounds them.
	ValuesMax int
	// BatchRowsMax bounds the rows of one item's batch, and RowsAllMax those of all its
	// batches: each is an execution of its statement.
	BatchRowsMax int
	RowsAllMax   int
	// RowsMax bounds the rows of one item's result; more are cut off and the
	// result says so.
	RowsMax int
	// BytesMax bounds the whole answer.
	BytesMax int
}

// DefaultLimits are the limits of a server that nobody configured. A group of
// 10,000 small statements holds the writer for a few tens of milliseconds; four
// million values are one in every eight bytes of the largest body; a million rows hold
// it for a second or two; an answer of 64 MiB is what a client can still be expected to
// parse at once.
func DefaultLimits() Limits {
	return Limits{
		ItemsMax: 10_000, ValuesMax: 4 << 20, BatchRowsMax: 100_000, RowsAllMax: 1_000_000,
		RowsMax: 10_000, BytesMax: 64 << 20,
	}
}

// ItemValuesMax bounds the values of one item: SQLite numbers parameters up to
// here, so that more could not be bound anyway.
const ItemValuesMax = 32_766

// keepItemsMax and keepValuesMax bound what a request keeps for its next use,
// as keepBytesMax does for a result.
const (
	keepItemsMax  = 1024
	keepValuesMax = 256
)

// keepBytesMax bounds the buffer that a result keeps for its next use, so that
// one large answer does not stay in the pool for good.
const keepBytesMax = 1 << 20
