package server

import (
	"compress/gzip"
	"io"
	"net"
	"os"
	"time"

	"github.com/urlite/urlite/refusal"
)

// fileAnswer is a file that is sent after the handler has returned. It holds nothing but
// the file, so its client may take its time; one that takes nothing for pieceMax is not
// waited for.
type fileAnswer struct {
	file   *os.File
	packer *gzip.Writer // nil for a file that is sent as it is
	conn   net.Conn
	server *Server
	id     string
}

// filesSentMax bounds the files that are being sent: each takes the room of a database on
// the disk for as long as its client takes.
const filesSentMax = 16

var errTooManyFiles = refusal.New(refusal.Unavailable, "too many backups are being sent")

// sendFile answers with the file that produce makes, perhaps packed.
func (q *request) sendFile(packed bool, produce func() (*os.File, error)) error {
	if q.server.filesSent.Add(1) > filesSentMax {
		q.server.filesSent.Add(-1)
		return errTooManyFiles
	}
	file, err := produce()
	if err != nil {
		q.server.filesSent.Add(-1)
		return err
	}
	info, err := file.Stat()
	if err != nil {
		q.server.filesSent.Add(-1)
		file.Close()
		return err
	}
	answer := &fileAnswer{file: file, conn: q.ctx.Conn(), server: q.server, id: string(q.id())}
	size := int(info.Size())
	if packed {
		size = -1
		answer.packer, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one
	}
	q.server.inFlight.Add(1)
	q.ctx.Response.SetBodyStream(answer, size)
	return nil
}

// SupportsBodyWriteTo says that WriteTo is how it is sent.
func (a *fileAnswer) SupportsBodyWriteTo() bool { return true }

// WriteTo sends the file in pieces.
func (a *fileAnswer) WriteTo(w io.Writer) (written int64, err error) {
	defer func() {
		if err != nil {
			a.server.log.Warn("backup broken off", "request_id", a.id, "error", err.Error())
		}
	}()
	to := &paced{to: w, conn: a.conn}
	if a.packer == nil {
		_, err = io.CopyBuffer(to, justReader{a.file}, make([]byte, plainBytesMax))
		return to.written, err
	}
	a.packer.Reset(to)
	if _, err = io.CopyBuffer(a.packer, justReader{a.file}, make([]byte, plainBytesMax)); err == nil {
		err = a.packer.Close()
	}
	return to.written, err
}

// Read is for who does not write it: nobody does.
func (a *fileAnswer) Read(p []byte) (int, error) { return a.file.Read(p) }

// Close ends the answer, sent or not.
func (a *fileAnswer) Close() error {
	if a.file == nil {
		return nil
	}
	defer a.server.inFlight.Add(-1)
	defer a.server.filesSent.Add(-1)
	err := a.file.Close()
	a.file = nil
	return err
}

// paced gives a client pieceMax for each piece.
type paced struct {
	to      io.Writer
	conn    net.Conn
	written int64
}

func (p *paced) Write(piece []byte) (int, error) {
	p.conn.SetWriteDeadline(time.Now().Add(pieceMax))
	n, err := p.to.Write(piece)
	p.written += int64(n)
	return n, err
}

// justReader keeps io.Copy from finding another way, around the pieces.
type justReader struct{ io.Reader }
