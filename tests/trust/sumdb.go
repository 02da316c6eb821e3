// SPDX-License-Identifier: MIT

// Checks our logs with Go's golang.org/x/mod/sumdb, which none of us wrote.
//
//	sumdb note VKEY FILE    opens a checkpoint and prints its text
//	sumdb proofs            checks the lines of tree_proofs on stdin, and that each is refused with
//	                        another index or size; prints how many there were
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func hash(text string) (h tlog.Hash) {
	data, err := hex.DecodeString(text)
	if err != nil || len(data) != len(h) {
		log.Fatalf("no hash: %q", text)
	}
	copy(h[:], data)
	return h
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return n
}

func hashes(text string) (all []tlog.Hash) {
	if text == "" {
		return nil
	}
	for _, one := range strings.Split(text, ",") {
		all = append(all, hash(one))
	}
	return all
}

func checkLeaf(size, index int64, root, leaf tlog.Hash, proof tlog.RecordProof) {
	if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
		log.Fatalf("leaf %d of %d: %v", index, size, err)
	}
	if index+1 < size && tlog.CheckRecord(proof, size, root, index+1, leaf) == nil {
		log.Fatalf("leaf %d of %d is taken for the next one", index, size)
	}
}

func checkGrowth(size, old int64, root, oldRoot tlog.Hash, proof tlog.TreeProof) {
	if err := tlog.CheckTree(proof, size, root, old, oldRoot); err != nil {
		log.Fatalf("growth from %d to %d: %v", old, size, err)
	}
	if old+1 < size && tlog.CheckTree(proof, size, root, old+1, oldRoot) == nil {
		log.Fatalf("growth from %d to %d is taken for another", old, size)
	}
}

func checkProofs() {
	var leaves, growths int
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		field := strings.Split(lines.Text(), " ")
		size, root, place, other := number(field[1]), hash(field[2]), number(field[3]), hash(field[4])
		if field[0] == "leaf" {
			checkLeaf(size, place, root, other, hashes(field[5]))
			leaves++
		} else {
			checkGrowth(size, place, root, other, hashes(field[5]))
			growths++
		}
	}
	fmt.Println(leaves, growths)
}

func openNote(vkey, path string) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(opened.Text)
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "note" {
		openNote(os.Args[2], os.Args[3])
	} else if len(os.Args) == 2 && os.Args[1] == "proofs" {
		checkProofs()
	} else {
		log.Fatal("usage: sumdb note VKEY FILE | sumdb proofs")
	}
}
