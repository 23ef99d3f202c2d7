package kv

import "github.com/urlite/urlite/refusal"

// decidePatch puts the value at the path of the document, of which nothing else
// changes. A missing key begins as {}; the type of an existing one stays, and its
// lifetime unless the request sends one.
func decidePatch(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	document, why := documentOf(op, row, now, emptyObject, out.Scratch)
	if why != nil {
		return why
	}
	leaf := op.Value.inner()
	patched, why := splice(op.path, document, leaf, out.Scratch)
	if why != nil {
		return why
	}
	out.keepOrMake(row, now, contentTypeJSON)
	if why := out.setDocument(op, patched); why != nil {
		return why
	}
	if op.TTLSent {
		out.expires(expireAt(op.TTLSeconds, now))
	}
	out.Entry.Delta = Value{Kind: Text, Bytes: leaf}
	out.Reply.Size = len(patched)
	return nil
}

func foldPatch(e *Entry, row *Row) {
	document, _ := row.Value.document(nil)
	if patched, why := splice(parsed(e.Path), document, e.Delta.Bytes, nil); why == nil {
		row.Value = documentValue(patched, row.ContentType)
	}
}
