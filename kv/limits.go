package kv

// Limits are the sizes that a request may ask for.
type Limits struct {
	// KeyBytesMax bounds a key; at 1,024 bytes a key and its row stay on one page
	// of the index or its first overflow page.
	KeyBytesMax int
	// ValueBytesMax bounds a stored value.
	ValueBytesMax int
	// BatchItemsMax bounds a batch: one batch may not hold up a group for long.
	BatchItemsMax int
	// ListItemsMax bounds a page of a list.
	ListItemsMax int
}

// DefaultLimits are the limits of the API.
func DefaultLimits() Limits {
	return Limits{KeyBytesMax: 1024, ValueBytesMax: 16 << 20, BatchItemsMax: 100, ListItemsMax: 1000}
}
